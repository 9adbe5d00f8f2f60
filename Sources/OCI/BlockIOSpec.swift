/// config-linux.md, "Block IO".
package struct BlockIOSpec: Equatable, Sendable {
    /// One device with its weight.
    package struct Weight: Equatable, Sendable {
        package var major: UInt32
        package var minor: UInt32
        package var weight: UInt16?
        package var leafWeight: UInt16?
    }

    /// One device with bytes or operations a second.
    package struct Throttle: Equatable, Sendable {
        package var major: UInt32
        package var minor: UInt32
        package var rate: UInt64
    }

    /// 10 … 1000
    package var weight: UInt16?
    package var leafWeight: UInt16?
    package var weightDevice: [Weight]
    package var throttleReadBytes: [Throttle]
    package var throttleWriteBytes: [Throttle]
    package var throttleReadOperations: [Throttle]
    package var throttleWriteOperations: [Throttle]

    init(_ field: JSONField) throws(FieldError) {
        weight = try field.member("weight").optionalWeight()
        leafWeight = try field.member("leafWeight").optionalWeight()
        weightDevice = try field.member("weightDevice").list { device throws(FieldError) in
            let weight = Weight(
                major: try device.member("major").integer(), minor: try device.member("minor").integer(),
                weight: try device.member("weight").optionalWeight(), leafWeight: try device.member("leafWeight").optionalWeight())
            guard weight.weight != nil || weight.leafWeight != nil else { throw device.invalid("weight or leafWeight expected") }
            return weight
        }
        throttleReadBytes = try Self.throttles(field.member("throttleReadBpsDevice"))
        throttleWriteBytes = try Self.throttles(field.member("throttleWriteBpsDevice"))
        throttleReadOperations = try Self.throttles(field.member("throttleReadIOPSDevice"))
        throttleWriteOperations = try Self.throttles(field.member("throttleWriteIOPSDevice"))
    }

    private static func throttles(_ field: JSONField) throws(FieldError) -> [Throttle] {
        try field.list { device throws(FieldError) in
            Throttle(
                major: try device.member("major").integer(), minor: try device.member("minor").integer(),
                rate: try device.member("rate").integer())
        }
    }
}

extension JSONField {
    /// Zero counts as absent, as engines write it.
    fileprivate func optionalWeight() throws(FieldError) -> UInt16? {
        guard let weight = try optionalInteger(UInt16.self), weight != 0 else { return nil }
        guard (10...1000).contains(weight) else { throw invalid("is outside 10 … 1000") }
        return weight
    }
}
