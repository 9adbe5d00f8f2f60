import Glibc
internal import LinuxSys

/// Checkpoint and restore by another runtime's verbs.
extension ForeignJob {
    func checkpoint(_ request: CheckpointRequest) throws(ExecutorFailure) {
        var words = ["checkpoint"] + options(request.settings, bundle: request.container.bundle)
        if !request.ends { words.append("--leave-running") }
        for name in request.settings.emptyNamespaces { words += ["--empty-ns", name] }
        if !request.settings.parent.isEmpty { words += ["--parent-path", request.settings.parent] }
        try command.run(words + [id], id: id)
        try supervisor.tell(.done)
    }

    func restore(_ request: RestoreRequest) throws(ExecutorFailure) {
        let create = request.create
        try mountRoot(create)
        var words = ["restore", "--detach", "--no-subreaper", "--bundle", create.bundle]
        words += options(request.settings, bundle: create.bundle)
        if create.options.noPivotRoot { words.append("--no-pivot") }
        try launch(words, .initial, create.streams)
    }

    private func options(_ settings: CriuSettings, bundle: String) -> [String] {
        let work = settings.work.isEmpty ? "\(bundle)/criu-work" : settings.work
        var words = ["--image-path", settings.images, "--work-path", work]
        words += settings.flags.sorted().map { "--\($0)" }
        if !settings.cgroupMode.isEmpty { words += ["--manage-cgroups-mode", settings.cgroupMode] }
        return words
    }
}
