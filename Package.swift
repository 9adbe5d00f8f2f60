// swift-tools-version: 6.2
import PackageDescription

/// What every hand-written Swift target is compiled with (see docs/architecture.md, "Settings").
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// The two programs that run inside other people's mount namespaces load nothing from there.
/// Without symbols they start faster: the Swift runtime and the kernel have fewer pages to look at.
let fullyStatic: [LinkerSetting] = [
    .unsafeFlags(["-static-executable"]), .unsafeFlags(["-Xlinker", "--strip-all"], .when(configuration: .release)),
]

/// They begin in CLinux/entry.c.
let ownEntry: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "--entry=clx_entry"])]

/// What they run. A section for each function lets the linker put those of a run side by side (`ordered`); metadata asked for by its accessor
/// instead of by its mangled name saves an eighth of a run's instructions, and values copied part by part a twenty-fifth: to copy one by what
/// its type says, the type has to be made. No library product stands on these targets: nobody
/// may depend on unsafe flags.
let quick: [SwiftSetting] =
    strict + [
        .unsafeFlags(
            [
                "-Xfrontend", "-function-sections", "-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors", "-Xfrontend",
                "-disable-type-layout",
            ],
            .when(configuration: .release))
    ]

/// Fewer page faults: the kernel maps pages by sixteen, and what is written after a clone it copies page by page. `make order` writes the
/// list; names that are no longer there do no harm.
let ordered: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/Sources/calls.order",
            "-Xlinker", "--no-warn-symbol-ordering",
        ], .when(configuration: .release))
]

/// They have one thread that runs Swift, so no reference is counted by two at once: what counts without locking the bus is put in the
/// place of what locks it, in the standard library too. A fifth of what a State call cost the shim was that.
let singleThreaded: [LinkerSetting] = [
    "retain", "release", "retain_n", "release_n", "bridgeObjectRetain", "bridgeObjectRelease", "bridgeObjectRetain_n",
    "bridgeObjectRelease_n", "unownedRetain", "unownedRelease", "unownedRetainStrong",
].flatMap { operation in
    ["--wrap=swift_\(operation)", "--defsym=__wrap_swift_\(operation)=swift_nonatomic_\(operation)"].map {
        .unsafeFlags(["-Xlinker", $0], .when(configuration: .release))
    }
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "swiftlet",
    products: [
        .executable(name: "containerd-shim-swiftlet-v2", targets: ["containerd-shim-swiftlet-v2"]),
        .executable(name: "swiftlet-oci", targets: ["swiftlet-oci"]),
        .executable(name: "swiftletd", targets: ["swiftletd"]),
        .executable(name: "swiftlet", targets: ["swiftlet"]),
        .executable(name: "mock-kubelet", targets: ["mock-kubelet"]),
        // For orchestrators written in Swift.
        .library(name: "SwiftletClient", targets: ["SwiftletClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // The C border: each module is imported by one Swift target (CLinux by LinuxSys, and so on).
        .target(name: "CLinux"),
        // Imported by none: it is linked into the two programs that enter containers.
        .target(name: "CRuntime", dependencies: ["CLinux"]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .target(name: "CTaskProto", dependencies: ["CProtobufC"]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),

        .target(name: "LinuxSys", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "EventLoop", dependencies: ["LinuxSys"], swiftSettings: quick),
        .target(name: "OCI", swiftSettings: quick),
        .target(name: "CRILog", swiftSettings: quick),
        // Documents that people write: manifests, configuration.
        .target(name: "YAML", dependencies: ["OCI", .product(name: "Yams", package: "Yams")], swiftSettings: strict),
        .target(name: "Cgroups", dependencies: ["LinuxSys", "OCI"], swiftSettings: quick),
        .target(name: "Executor", dependencies: ["Cgroups", "OCI", "LinuxSys", "CSeccomp"], swiftSettings: quick),
        .target(name: "TTRPC", swiftSettings: strict),
        .target(name: "SPDY", dependencies: ["CZlib"], swiftSettings: strict),
        .target(name: "TTRPCLoop", dependencies: ["TTRPC", "EventLoop", "LinuxSys"], swiftSettings: quick),
        .target(name: "TaskAPI", dependencies: ["CTaskProto", "TTRPC"], swiftSettings: quick),
        .target(
            name: "Shim", dependencies: ["Executor", "Cgroups", "OCI", "EventLoop", "TTRPC", "TTRPCLoop", "TaskAPI", "CRILog", "LinuxSys"],
            swiftSettings: quick),

        // Generated by protoc-gen-swift (make proto); compiled as it comes.
        .target(name: "Messages", dependencies: [protobuf]),
        .target(name: "SwiftletClient", dependencies: ["TTRPC", "TTRPCNIO", protobuf], swiftSettings: strict),
        .target(name: "TTRPCNIO", dependencies: ["TTRPC", "Messages", "LinuxSys", protobuf] + nio, swiftSettings: strict),
        .target(
            name: "Images",
            dependencies: [
                "OCI", "LinuxSys", "CZstd", "CISAL", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        // What pulls, and it alone, brings an HTTP client with it.
        .target(
            name: "Registry",
            dependencies: ["Images", "OCI", "LinuxSys", .product(name: "AsyncHTTPClient", package: "async-http-client")] + nio + [
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .target(
            name: "TaskClient", dependencies: ["TTRPCNIO", "TTRPC", "Messages", "OCI", "LinuxSys", protobuf] + nio, swiftSettings: strict),
        .target(
            name: "Plugin",
            dependencies: [
                "Images", "Registry", "SPDY", "TTRPC", "TTRPCNIO", "TaskClient", "Messages", "CRILog", "LinuxSys", "OCI", "YAML", logging,
                protobuf, .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "Command",
            dependencies: [
                "Images", "Registry", "TaskClient", "TTRPC", "TTRPCNIO", "Messages", "CRILog", "LinuxSys", "OCI", arguments, protobuf,
            ] + nio,
            swiftSettings: strict),
        .target(
            name: "Kubelet",
            dependencies: ["TTRPC", "TTRPCNIO", "Messages", "LinuxSys", "OCI", "CRILog", "YAML", protobuf] + nio,
            path: "Integration/Kubelet", swiftSettings: strict),

        .target(
            name: "ShimDriver",
            dependencies: ["TaskClient", "TTRPC", "TTRPCNIO", "Messages", "LinuxSys", protobuf], path: "Integration/ShimDriver",
            swiftSettings: strict),
        .executableTarget(
            name: "shim-sweep", dependencies: ["ShimDriver", "TaskClient", "TTRPC", "Messages", "LinuxSys"], path: "Integration/sweep",
            exclude: ["stepper.c", "run.sh"], swiftSettings: strict),

        .executableTarget(
            name: "containerd-shim-swiftlet-v2", dependencies: ["Shim", "CRuntime"], swiftSettings: quick,
            linkerSettings: fullyStatic + ownEntry + ordered + singleThreaded),
        .executableTarget(
            name: "swiftlet-oci", dependencies: ["Executor", "Cgroups", "OCI", "LinuxSys", "CRuntime"], swiftSettings: quick,
            linkerSettings: fullyStatic + ownEntry + ordered + singleThreaded),
        .executableTarget(name: "swiftletd", dependencies: ["Plugin", "TTRPCNIO", "OCI", arguments], swiftSettings: strict),
        .executableTarget(name: "swiftlet", dependencies: ["Command", arguments], swiftSettings: strict),
        .executableTarget(
            name: "mock-kubelet", dependencies: ["Kubelet", "TTRPCNIO", "OCI", arguments], path: "Integration/mock-kubelet",
            swiftSettings: strict),
        // The load of `make bench-shim`.
        .executableTarget(
            name: "shim-load", dependencies: ["TTRPC", "TTRPCNIO", "Messages", "LinuxSys", arguments, protobuf],
            path: "Integration/shim-load",
            swiftSettings: strict),

        // The load of `make bench-plugin`.
        .executableTarget(
            name: "plugin-load", dependencies: ["TTRPC", "TTRPCNIO", "Messages", arguments, protobuf], path: "Integration/plugin-load",
            swiftSettings: strict),

        // For Integration/bench/images.sh.
        .executableTarget(
            name: "root-bench", dependencies: ["Executor", "Images", "LinuxSys"], path: "Integration/root-bench", swiftSettings: strict),

        .testTarget(name: "LinuxSysTests", dependencies: ["LinuxSys", "EventLoop"], swiftSettings: strict),
        .testTarget(name: "OCITests", dependencies: ["OCI", "CRILog"], swiftSettings: strict),
        .testTarget(name: "ExecutorTests", dependencies: ["Executor", "Cgroups", "OCI", "LinuxSys"], swiftSettings: strict),
        .testTarget(
            name: "TTRPCTests",
            dependencies: [
                "TTRPC", "TTRPCLoop", "TTRPCNIO", "SwiftletClient", "TaskAPI", "TaskClient", "EventLoop", "LinuxSys", "Messages", protobuf,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ShimTests",
            dependencies: [
                "Shim", "Executor", "Cgroups", "TaskAPI", "TTRPC", "TTRPCLoop", "LinuxSys", "EventLoop", "CRILog", "ShimDriver",
                "TaskClient",
                "Messages",
                protobuf,
            ],
            swiftSettings: strict),
        .testTarget(name: "SPDYTests", dependencies: ["SPDY"], swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["Cgroups", "Executor", "Images", "OCI", "SPDY", "Shim", "TTRPC", "TaskAPI"],
            swiftSettings: strict),
        .testTarget(name: "ImagesTests", dependencies: ["Images", "OCI", "LinuxSys"], swiftSettings: strict),
        .testTarget(
            name: "RegistryTests",
            dependencies: ["Registry", "Images", "OCI", "LinuxSys", .product(name: "NIOHTTP1", package: "swift-nio")] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "CommandTests", dependencies: ["Command", "CRILog", "Images", "Messages", "OCI", arguments], swiftSettings: strict),
        .testTarget(
            name: "PluginTests",
            dependencies: [
                "Plugin", "Kubelet", "Command", "Registry", "SPDY", "TaskClient", "Messages", "TTRPC", "TTRPCNIO", "Images", "OCI",
                "LinuxSys",
                logging, .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                protobuf,
            ], swiftSettings: strict),
    ]
)
