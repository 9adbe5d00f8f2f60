/// google.protobuf.Any: a message, or JSON, under the name of its type.
package struct AnyValue: Equatable, Sendable {
    package var typeURL: String
    package var value: [UInt8]
    package init(typeURL: String, value: [UInt8]) {
        self.typeURL = typeURL
        self.value = value
    }

    /// The type's name without the host that some senders put in front (`types.googleapis.com/`).
    package var typeName: Substring { typeURL.split(separator: "/", omittingEmptySubsequences: false).last ?? "" }
}

/// containerd.types.Mount
package struct TaskMount: Equatable, Sendable {
    package var type: String, source: String, target: String
    package var options: [String]
    package init(type: String, source: String, target: String = "", options: [String]) {
        self.type = type
        self.source = source
        self.target = target
        self.options = options
    }
}

/// Where a process' streams go; empty: nowhere.
package struct TaskIO: Equatable, Sendable {
    package var stdin: String, stdout: String, stderr: String
    package var terminal: Bool
    package init(stdin: String = "", stdout: String = "", stderr: String = "", terminal: Bool = false) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
    }
}

package struct CreateTask: Equatable, Sendable {
    package var id: String, bundle: String
    package var rootfs: [TaskMount]
    package var io: TaskIO
    package var checkpoint: String, parentCheckpoint: String
    package var options: AnyValue?
    package init(
        id: String, bundle: String, rootfs: [TaskMount] = [], io: TaskIO = TaskIO(), checkpoint: String = "", parentCheckpoint: String = "",
        options: AnyValue? = nil
    ) {
        self.id = id
        self.bundle = bundle
        self.rootfs = rootfs
        self.io = io
        self.checkpoint = checkpoint
        self.parentCheckpoint = parentCheckpoint
        self.options = options
    }
}

package struct ExecProcess: Equatable, Sendable {
    package var id: String, execID: String
    package var io: TaskIO
    /// `process` of the OCI runtime specification as JSON.
    package var spec: AnyValue?
    package init(id: String, execID: String, io: TaskIO = TaskIO(), spec: AnyValue? = nil) {
        self.id = id
        self.execID = execID
        self.io = io
        self.spec = spec
    }
}

/// containerd.v1.types.Status
package enum TaskStatus: UInt32, Sendable {
    case unknown = 0, created, running, stopped, paused, pausing
}

/// What State answers.
package struct ProcessState: Equatable, Sendable {
    package var id: String, execID: String, bundle: String
    package var pid: UInt32
    package var status: TaskStatus
    package var io: TaskIO
    package var exitStatus: UInt32
    /// Nanoseconds since 1970; nil while it runs.
    package var exitedAt: UInt64?
    package init(
        id: String, execID: String = "", bundle: String, pid: UInt32, status: TaskStatus, io: TaskIO, exitStatus: UInt32 = 0,
        exitedAt: UInt64? = nil
    ) {
        self.id = id
        self.execID = execID
        self.bundle = bundle
        self.pid = pid
        self.status = status
        self.io = io
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
    }
}

/// What Delete (the call and the verb) answers.
package struct DeletedProcess: Equatable, Sendable {
    package var pid: UInt32, exitStatus: UInt32
    /// Nanoseconds since 1970; nil when no time of death is known.
    package var exitedAt: UInt64?
    package init(pid: UInt32, exitStatus: UInt32, exitedAt: UInt64?) {
        self.pid = pid
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
    }

    /// The bytes that the `delete` verb prints on its stdout.
    package var encoded: [UInt8] { TaskReply.delete(self).encoded }
}

/// One line of a Pids answer; `execID` is empty for what no exec started.
package struct ProcessEntry: Equatable, Sendable {
    package var pid: UInt32
    package var execID: String
    package init(pid: UInt32, execID: String = "") {
        self.pid = pid
        self.execID = execID
    }
}
