/// One value for one file of a controller.
struct ControlWrite: Equatable {
    struct Choice: Equatable {
        var file: String
        var value: String
    }

    /// The first whose file exists is written.
    var choices: [Choice]
    /// Of config.json, for errors.
    var field: String
    /// Nothing is lost when the host does not have the file.
    var isOptional = false

    init(_ file: String, _ value: String, field: String, optional: Bool = false) {
        self.init(firstOf: [Choice(file: file, value: value)], field: field)
        isOptional = optional
    }

    init(firstOf choices: [Choice], field: String) {
        self.choices = choices
        self.field = "linux.resources.\(field)"
    }

    func choice(in directory: String) -> Choice? { choices.first { ControlFile.exists("\(directory)/\($0.file)") } }
}

/// What one controller is to do, by the rules of the version that it is found under.
struct ControllerPlan {
    let controller: String
    let writes: (ControllerPlace.Version) throws(CgroupError) -> [ControlWrite]
}

/// The values that files had before they were changed, to go back to.
struct ChangedFiles {
    private var old: [(directory: String, file: String, value: String)] = []

    /// Files of one line alone: a table of devices has no one value to go back to.
    mutating func note(_ writes: [ControlWrite], in directory: String) {
        for write in writes {
            guard let file = write.choice(in: directory)?.file, let text = try? ControlFile.read("\(directory)/\(file)") else { continue }
            let value = String(text.trimmed)
            if !value.isEmpty, !value.contains("\n"), !value.contains(":") { old.append((directory, file, value)) }
        }
    }

    /// As often as one depends on another: what is refused now can be taken after the rest.
    func restore() {
        for _ in 0..<3 { for entry in old { try? ControlFile.write(entry.value, to: "\(entry.directory)/\(entry.file)") } }
    }
}
