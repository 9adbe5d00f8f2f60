/// The options of `checkpoint` and `restore`.
extension Verb {
    static let imageOptions: [Option] = [
        .value("image-path", nil, "DIR", "the files (checkpoint, in the current directory)"),
        .value("work-path", nil, "DIR", "criu's log and working files (--image-path)"),
        .flag("tcp-established", nil, "with open TCP connections"),
        .flag("ext-unix-sk", nil, "with Unix sockets whose other end is outside"),
        .flag("shell-job", nil, "with the terminal of a shell"),
        .flag("file-locks", nil, "with locks on files"),
        .flag("link-remap", nil, "with files that have no name any more"),
        .flag("lazy-pages", nil, "bring memory over when it is needed (userfaultfd)"),
        .flag("auto-dedup", nil, "give pages of older images free"),
        .value("manage-cgroups-mode", nil, "MODE", "soft, full, strict or ignore (soft)"),
        .list("empty-ns", nil, "KIND", "make this namespace (network) and leave it empty"),
    ]

    static let checkpointing: [Option] = [
        .value("parent-path", nil, "DIR", "the images of an earlier --pre-dump, relative to --image-path"),
        .flag("leave-running", nil, "let the container go on"),
        .flag("pre-dump", nil, "memory alone, while the container goes on"),
        .flag("tcp-skip-in-flight", nil, "without TCP connections that are being made"),
        .value("status-fd", nil, "N", "a descriptor that gets a zero byte when lazy pages can be asked for"),
        .value("page-server", nil, "HOST:PORT", "where memory is sent to"),
    ]

    static let restoring: [Option] = [
        .value("lsm-profile", nil, "TYPE:NAME", "security profile of the processes"),
        .value("lsm-mount-context", nil, "LABEL", "SELinux label of the mounts"),
    ]
}
