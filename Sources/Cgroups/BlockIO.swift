import OCI

/// The blkio controller of v1 (kernel: admin-guide/cgroup-v1/blkio-controller.rst) and the io controller of v2.
enum BlockIO {
    static func plan(_ spec: BlockIOSpec) -> ControllerPlan {
        ControllerPlan(controller: "blkio") { version throws(CgroupError) in version == .v1 ? old(spec) : try unified(spec) }
    }

    private static func throttles(_ spec: BlockIOSpec) -> [(field: String, old: String, key: String, list: [BlockIOSpec.Throttle])] {
        [
            ("throttleReadBpsDevice", "read_bps", "rbps", spec.throttleReadBytes),
            ("throttleWriteBpsDevice", "write_bps", "wbps", spec.throttleWriteBytes),
            ("throttleReadIOPSDevice", "read_iops", "riops", spec.throttleReadOperations),
            ("throttleWriteIOPSDevice", "write_iops", "wiops", spec.throttleWriteOperations),
        ]
    }

    private static func old(_ spec: BlockIOSpec) -> [ControlWrite] {
        var writes: [ControlWrite] = []
        if let weight = spec.weight {
            writes.append(same(["blkio.weight", "blkio.bfq.weight"], "\(weight)", "blockIO.weight"))
        }
        if let weight = spec.leafWeight { writes.append(ControlWrite("blkio.leaf_weight", "\(weight)", field: "blockIO.leafWeight")) }
        for (number, device) in spec.weightDevice.enumerated() {
            let (name, field) = ("\(device.major):\(device.minor)", "blockIO.weightDevice[\(number)]")
            if let weight = device.weight {
                writes.append(same(["blkio.weight_device", "blkio.bfq.weight_device"], "\(name) \(weight)", field))
            }
            if let weight = device.leafWeight { writes.append(ControlWrite("blkio.leaf_weight_device", "\(name) \(weight)", field: field)) }
        }
        for kind in throttles(spec) {
            for (number, device) in kind.list.enumerated() {
                let value = "\(device.major):\(device.minor) \(device.rate)"
                writes.append(ControlWrite("blkio.throttle.\(kind.old)_device", value, field: "blockIO.\(kind.field)[\(number)]"))
            }
        }
        return writes
    }

    private static func unified(_ spec: BlockIOSpec) throws(CgroupError) -> [ControlWrite] {
        if spec.leafWeight != nil {
            throw .unsupported(field: "linux.resources.blockIO.leafWeight", reason: "cgroup v2 has no such setting")
        }
        var writes: [ControlWrite] = []
        if let weight = spec.weight { writes.append(weightWrite("default ", weight, field: "blockIO.weight")) }
        for (number, device) in spec.weightDevice.enumerated() {
            let field = "blockIO.weightDevice[\(number)]"
            if device.leafWeight != nil {
                throw .unsupported(field: "linux.resources.\(field).leafWeight", reason: "cgroup v2 has no such setting")
            }
            if let weight = device.weight { writes.append(weightWrite("\(device.major):\(device.minor) ", weight, field: field)) }
        }
        for kind in throttles(spec) {
            for (number, device) in kind.list.enumerated() {
                // Zero is no limit in config.json's origin, v1.
                let rate = device.rate == 0 ? "max" : "\(device.rate)"
                let value = "\(device.major):\(device.minor) \(kind.key)=\(rate)"
                writes.append(ControlWrite("io.max", value, field: "blockIO.\(kind.field)[\(number)]"))
            }
        }
        return writes
    }

    /// A scheduler that has weights has them in a file of its own.
    private static func same(_ files: [String], _ value: String, _ field: String) -> ControlWrite {
        ControlWrite(firstOf: files.map { .init(file: $0, value: value) }, field: field)
    }

    /// The bfq scheduler counts to 1000 as config.json does; to io.weight 10 … 1000 is 1 … 10000.
    private static func weightWrite(_ target: String, _ weight: UInt16, field: String) -> ControlWrite {
        let scaled = 1 + (UInt64(weight) - 10) * 9999 / 990
        return ControlWrite(
            firstOf: [.init(file: "io.bfq.weight", value: "\(target)\(weight)"), .init(file: "io.weight", value: "\(target)\(scaled)")],
            field: field)
    }
}
