extension Seed {
    static let process = Array(
        #"""
        {"terminal":true,"consoleSize":{"height":24,"width":80},"user":{"uid":1,"gid":2,"umask":18,"additionalGids":[3,4]},"args":["sh","-c","é"],
        "env":["PATH=/bin","A="],"cwd":"/","capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_KILL"],"permitted":["CAP_KILL"],
        "inheritable":[],"ambient":[]},"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}],"noNewPrivileges":true,"oomScoreAdj":-10,
        "apparmorProfile":"","selinuxLabel":"","scheduler":{"policy":"SCHED_OTHER","nice":1},"ioPriority":{"class":"IOPRIO_CLASS_BE","priority":4},
        "execCPUAffinity":{"initial":"0-3,7","final":"1"}}
        """#.utf8)

    static let resources = Array(
        #"""
        {"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,"minor":3,"access":"rw"}],
        "memory":{"limit":1048576,"reservation":1024,"swap":-1,"kernel":-1,"swappiness":60,"disableOOMKiller":false,"useHierarchy":true},
        "cpu":{"shares":1024,"quota":1000000,"period":500000,"cpus":"2-3","mems":"0-7","idle":0,"burst":0},"pids":{"limit":100},
        "blockIO":{"weight":10,"weightDevice":[{"major":8,"minor":0,"weight":500}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}]},
        "hugepageLimits":[{"pageSize":"2MB","limit":9223372036854772000}],"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":500}]},
        "rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":10000}},"unified":{"memory.high":"1"}}
        """#.utf8)

    static let runtime =
        Array(
            #"""
            {"ociVersion":"1.2.0","hostname":"h","domainname":"d","root":{"path":"rootfs","readonly":true},"process":
            """#.utf8) + process
        + Array(
            #"""
            ,"mounts":[{"destination":"/proc","type":"proc","source":"proc","options":["nosuid"]},{"destination":"/x","type":"bind","source":"/y",
            "options":["rbind","rro","mode=0755"],"uidMappings":[{"containerID":0,"hostID":1000,"size":10}]}],
            "hooks":{"prestart":[{"path":"/bin/true","args":["true"],"env":["A=b"],"timeout":3}],"poststop":[{"path":"/bin/true"}]},
            "annotations":{"a":"b"},"linux":{"namespaces":[{"type":"pid"},{"type":"network","path":"/proc/1/ns/net"},{"type":"user"},{"type":"time"}],
            "uidMappings":[{"containerID":0,"hostID":1000,"size":32000}],"gidMappings":[{"containerID":0,"hostID":1000,"size":32000}],
            "timeOffsets":{"monotonic":{"secs":1,"nanosecs":2}},"sysctl":{"net.core.somaxconn":"256"},"cgroupsPath":"/a/b",
            "devices":[{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":438,"uid":0,"gid":0}],
            "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"],
            "syscalls":[{"names":["getcwd"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]}]},
            "rootfsPropagation":"slave","maskedPaths":["/proc/kcore"],"readonlyPaths":["/proc/sys"],"mountLabel":"","personality":{"domain":"LINUX"},
            "intelRdt":{"closID":"g","l3CacheSchema":"L3:0=f"},"netDevices":{"eth0":{"name":"eth1"}},"resources":
            """#.utf8) + resources + Array("}}".utf8)

    static let state = Array(
        #"{"ociVersion":"1.2.0","id":"a","status":"running","pid":4422,"bundle":"/containers/redis","annotations":{"k":"v"}}"#.utf8)

    private static let digest = "sha256:" + String(repeating: "0a", count: 32)
    private static let layer =
        #"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\#(digest)","size":32654,"annotations":{"a":"b"}}"#

    static let manifest = Array(
        #"""
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",
        "digest":"\#(digest)","size":7023},"layers":[\#(layer),\#(layer)],"annotations":{"com.example":"v"}}
        """#.utf8)
    static let index = Array(
        #"""
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "digest":"\#(digest)","size":7143,"platform":{"architecture":"arm64","os":"linux","variant":"v8"},"annotations":{"a":"b"}}]}
        """#.utf8)
    static let dockerArchive = Array(#"[{"Config":"a.json","RepoTags":["x:1"],"Layers":["a/layer.tar"]}]"#.utf8)
    static let imageConfig = Array(
        #"""
        {"created":"2015-10-31T22:22:56.015925234Z","architecture":"amd64","os":"linux","variant":"v1","config":{"User":"alice","Env":["A=b"],
        "ExposedPorts":{"8080/tcp":{}},"Entrypoint":["/bin/x"],"Cmd":["-a"],"Volumes":{"/v":{}},"WorkingDir":"/home","Labels":{"a":"b"},
        "StopSignal":"SIGKILL"},"rootfs":{"type":"layers","diff_ids":["\#(digest)"]},"history":[{"created":"x","created_by":"y","empty_layer":true}]}
        """#.utf8)
}
