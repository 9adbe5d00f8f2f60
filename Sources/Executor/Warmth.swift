internal import LinuxSys
internal import OCI

/// What the Swift runtime makes when a generic type is first used (its metadata, looked up by name) would be made anew in every executor,
/// since each is a clone of a process that never does an executor's work. A supervisor that is about to clone many calls this once: it
/// reads and plans an example, so that clones find these things made.
package func warmExecutors() {
    do {
        let spec = try RuntimeSpec(json: Array(example.utf8))
        guard let process = spec.process?.inheriting(from: spec.process) else { return }
        _ = try SetupPlan(
            executing: process, in: spec, id: "example", streams: .descriptors(stdin: nil, stdout: nil, stderr: nil),
            options: ExecutorOptions(), abilities: Abilities(for: process, in: spec))
    } catch {
        // Nothing came of it: executors are slower, and as right as before.
    }
}

private let example = #"""
    {"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"user":{"uid":0,"gid":0,"additionalGids":[0]},"args":["a","b"],"env":["A=b","C=d"],
    "cwd":"/","capabilities":{"bounding":["CAP_CHOWN","CAP_KILL"],"effective":["CAP_CHOWN","CAP_KILL"],"permitted":["CAP_CHOWN","CAP_KILL"]},
    "rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}],"noNewPrivileges":true},"annotations":{"a":"b"},
    "mounts":[{"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec"]}],
    "linux":{"resources":{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":3,"access":"rw"}],
    "memory":{"limit":1},"cpu":{"shares":1024},"pids":{"limit":1}},"cgroupsPath":"/a/b","namespaces":[{"type":"pid"},{"type":"mount"}],
    "maskedPaths":["/proc/kcore"],"readonlyPaths":["/proc/sys"]}}
    """#
