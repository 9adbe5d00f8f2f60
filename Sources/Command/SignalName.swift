internal import LinuxSys

/// A signal as a person gives it: by name (`TERM`, `SIGTERM`, `RTMIN+3`) or number (signal(7)).
package struct SignalName: Equatable, Sendable {
    package let number: Int32

    package init(number: Int32) { self.number = number }

    package init(parsing text: String) throws(ArgumentFailure) {
        guard let number = SignalNames.number(text) else { throw ArgumentFailure(text, "not a signal") }
        self.number = number
    }

    package var name: String { SignalNames.name(number) }
}
