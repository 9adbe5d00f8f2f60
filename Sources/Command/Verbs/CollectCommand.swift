internal import ArgumentParser
internal import Images

struct CollectCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove what nothing needs any more.",
        discussion: """
            Gone are images without a name that no container uses, layers and blobs that no image, container or lease refers to, and what
            commands that were killed have left. After a load, import or commit the same is done by itself when the disk is
            fuller than SWIFTLET_GC_THRESHOLD percent (default \(GarbageThreshold.usual); 100: never).
            """)

    @OptionGroup var global: GlobalOptions

    @Flag(name: .shortAndLong, help: "Also remove images with a name, unless a container uses them.")
    var all = false

    @Option(help: ArgumentHelp("Only images loaded longer ago than this: 90s, 15m, 12h, 7d.", valueName: "time"))
    var olderThan: String?

    func perform(_ context: Context) async throws -> Int32 {
        let age = try olderThan.map { try Duration.parseAge($0) }
        let now = UInt64(clamping: Timestamp.now.nanoseconds)
        let collected = try context.store.collectGarbage(all ? .all : .unnamed, before: age.map { now - min(now, $0) })
        for image in collected.images { say("removed \(image)") }
        say(Self.summary(collected))
        return 0
    }

    static func summary(_ collected: Collected) -> String {
        "\(collected.images.count) images, \(collected.snapshots) layers, \(collected.blobs) blobs, \(collected.leases) leases: "
            + "\(ByteSize(bytes: Int64(clamping: collected.bytes)).text) freed"
    }
}

/// When garbage is collected without being asked for.
enum GarbageThreshold {
    static let usual = 85

    /// Percent of the disk; 100 and more: never.
    static func percent() throws -> Int {
        guard let text = Context.environment["SWIFTLET_GC_THRESHOLD"], !text.isEmpty else { return usual }
        return Int(try parseWholeNumber(text, from: 0, to: 100))
    }

    /// After something was added. It worked whatever comes of this.
    static func apply(_ context: Context) throws {
        let percent = try percent()
        guard percent < 100 else { return }
        let collected = try context.store.collectUnderPressure(percent: percent)
        guard !collected.isEmpty else { return }
        for image in collected.images { context.journal.warning("the disk is fuller than \(percent)%: removed image \(image)") }
        context.journal.debug("gc: \(CollectCommand.summary(collected))")
    }
}

extension Duration {
    /// Nanoseconds of `90s`, `15m`, `12h`, `7d`.
    static func parseAge(_ text: String) throws(ArgumentFailure) -> UInt64 {
        let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last, let seconds = units[unit] else { throw ArgumentFailure(text, "a number with s, m, h or d expected") }
        let number = try parseWholeNumber(String(text.dropLast()), from: 0, to: 36_500)
        return UInt64(number) * seconds * 1_000_000_000
    }
}
