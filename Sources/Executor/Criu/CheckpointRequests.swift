/// Where criu's files are and what it is to allow.
package struct CriuSettings: Equatable, Sendable {
    package var program = "criu"
    /// Absolute directories; the work directory, with criu's log, is the bundle's when it is empty.
    package var images: String
    package var work = ""
    /// Of an earlier pre-dump, relative to `images`; empty: none.
    package var parent = ""
    /// By runc's names of its options: `tcp-established`, `ext-unix-sk`, `shell-job`, `file-locks`.
    package var flags: Set<String> = []
    package var emptyNamespaces: [String] = []
    /// `soft`, `full`, `strict`, `ignore`; empty: criu's own.
    package var cgroupMode = ""

    package init(images: String) { self.images = images }
}

package struct CheckpointRequest: Sendable {
    package var container: ContainerReference
    package var settings: CriuSettings
    /// The container ends with it.
    package var ends: Bool

    package init(_ container: ContainerReference, _ settings: CriuSettings, ends: Bool) {
        self.container = container
        self.settings = settings
        self.ends = ends
    }
}

/// All but the processes' insides comes from `create`, whatever the images say (CVE-2026-53492).
package struct RestoreRequest: Sendable {
    package var create: CreateRequest
    package var settings: CriuSettings

    package init(_ create: CreateRequest, _ settings: CriuSettings) {
        self.create = create
        self.settings = settings
    }
}
