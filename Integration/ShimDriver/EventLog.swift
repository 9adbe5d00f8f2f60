import Foundation
import Messages
import SwiftProtobuf

/// The events that came, in their order.
package final class EventLog: Sendable {
    package struct Event: Equatable, Sendable {
        /// The last part of the topic: `create`, `start`, `exec-added`, `exec-started`, `exit`, `oom`, `delete`, …
        package let kind: String
        package let container: String
        /// Of an exec's event, and of an exit: the process.
        package let process: String
        package let status: UInt32
        /// `kind`, or `kind:process` for what belongs to an exec.
        package var name: String { process.isEmpty || process == container ? kind : "\(kind):\(process)" }
    }

    private let all = Guarded<[Event]>([])

    func put(_ envelope: Containerd_Types_Envelope) {
        let kind = String(envelope.topic.split(separator: "/").last ?? "")
        let bytes = envelope.event.value
        var (container, process, status) = ("", "", UInt32(0))
        switch kind {
        case "exit":
            if let exit = try? Containerd_Events_TaskExit(serializedBytes: bytes) {
                (container, process, status) = (exit.containerID, exit.id, exit.exitStatus)
            }
        case "delete":
            if let gone = try? Containerd_Events_TaskDelete(serializedBytes: bytes) {
                (container, process, status) = (gone.containerID, gone.id, gone.exitStatus)
            }
        case "exec-added":
            if let added = try? Containerd_Events_TaskExecAdded(serializedBytes: bytes) {
                (container, process) = (added.containerID, added.execID)
            }
        case "exec-started":
            if let started = try? Containerd_Events_TaskExecStarted(serializedBytes: bytes) {
                (container, process) = (started.containerID, started.execID)
            }
        default:
            // Every other event has the container's id as its first field.
            if let any = try? Containerd_Events_TaskOOM(serializedBytes: bytes, partial: true) { container = any.containerID }
        }
        all.change { $0.append(Event(kind: kind, container: container, process: process, status: status)) }
    }

    package func of(_ id: String) -> [Event] { all.get().filter { $0.container == id } }
    package func names(of id: String) -> [String] { of(id).map(\.name) }
    /// Exits of the container's init.
    package func exits(of id: String) -> [Event] { of(id).filter { $0.kind == "exit" && $0.process == id } }
}
