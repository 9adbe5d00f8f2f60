/// Annotations `org.systemd.property.NAME` as properties of the container's scope.
///
/// Annotations can come from whoever may make a container, so only properties that concern the unit itself are taken, and
/// nothing that makes systemd do something to other units or to the host (CVE-2024-3154): no actions, no requirements.
enum SystemdAnnotations {
    static let prefix = "org.systemd.property."

    private static let allowed: Set<String> = [
        "Description", "Documentation", "CollectMode", "DefaultDependencies", "After", "Before", "PartOf",
        "TimeoutStopUSec", "RuntimeMaxUSec", "KillMode", "KillSignal", "FinalKillSignal", "SendSIGKILL", "SendSIGHUP",
        "CPUWeight", "StartupCPUWeight", "CPUShares", "StartupCPUShares", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec",
        "MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "MemoryZSwapMax", "MemoryLimit",
        "DefaultMemoryMin", "DefaultMemoryLow", "TasksMax", "IOWeight", "StartupIOWeight", "BlockIOWeight", "StartupBlockIOWeight",
        "IPAccounting", "ManagedOOMSwap", "ManagedOOMMemoryPressure", "ManagedOOMMemoryPressureLimit", "ManagedOOMPreference", "OOMPolicy",
    ]

    static func properties(_ annotations: [String: String]) throws(CgroupError) -> [SystemdProperty] {
        var result: [SystemdProperty] = []
        for (key, text) in annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) {
            let field = "annotations.\(key)"
            let value: DBusValue
            do { value = try VariantText.parse(text) } catch { throw .unsupported(field: field, reason: error.reason) }
            let property = try inMicroseconds(SystemdProperty(String(key.dropFirst(prefix.count)), value), field)
            guard allowed.contains(property.name) else {
                throw .unsupported(field: field, reason: "is not a property that a container may set")
            }
            guard !result.contains(where: { $0.name == property.name }) else {
                throw .unsupported(field: field, reason: "\(property.name) is there twice")
            }
            result.append(property)
        }
        return result
    }

    /// Files of units say `TimeoutStopSec`, the bus knows `TimeoutStopUSec`.
    private static func inMicroseconds(_ property: SystemdProperty, _ field: String) throws(CgroupError) -> SystemdProperty {
        let stem = property.name.dropLast(3)
        guard property.name.hasSuffix("Sec"), let before = stem.utf8.last, (0x61...0x7a).contains(before) else { return property }
        let seconds: UInt64?
        switch property.value {
        case .byte(let number): seconds = UInt64(number)
        case .int16(let number): seconds = UInt64(exactly: number)
        case .uint16(let number): seconds = UInt64(number)
        case .int32(let number): seconds = UInt64(exactly: number)
        case .uint32(let number): seconds = UInt64(number)
        case .int64(let number): seconds = UInt64(exactly: number)
        case .uint64(let number): seconds = number
        case .double(let number):
            guard let micro = UInt64(exactly: (number * 1_000_000).rounded()) else {
                throw .unsupported(field: field, reason: "seconds expected")
            }
            return SystemdProperty("\(stem)USec", .uint64(micro))
        default: seconds = nil
        }
        let product = seconds?.multipliedReportingOverflow(by: 1_000_000)
        guard let product, !product.overflow else { throw .unsupported(field: field, reason: "seconds expected") }
        return SystemdProperty("\(stem)USec", .uint64(product.partialValue))
    }
}
