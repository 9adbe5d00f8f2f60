import Glibc

/// A network device as its namespace knows it.
package struct NetworkLink: Equatable, Sendable {
    package let index: Int32
    package let name: String
    package let isUp: Bool
}

/// An address of a network device (rtnetlink(7), `struct ifaddrmsg` and its attributes).
package struct NetworkAddress: Equatable, Sendable {
    fileprivate let family: UInt8
    fileprivate let prefixLength: UInt8
    fileprivate let scope: UInt8
    fileprivate let flags: UInt32
    fileprivate let attributes: [Attribute]

    fileprivate struct Attribute: Equatable, Sendable {
        let type: UInt16
        let value: [UInt8]
    }

    /// Set by somebody, without an end (IFA_F_PERMANENT).
    package var isPermanent: Bool { flags & 0x80 != 0 }
    /// RT_SCOPE_UNIVERSE.
    package var isGlobal: Bool { scope == 0 }
}

/// Asks and changes the network devices of the network namespace in which it was opened (rtnetlink(7)).
package final class RouteSocket {
    private let fd: FD
    private var sequence: UInt32 = 0

    package init() throws(SysError) {
        let kind = Int32(SOCK_RAW.rawValue) | O_CLOEXEC  // SOCK_CLOEXEC has the same value
        fd = FD(owning: try checkErrno("socket", on: "netlink") { socket(AF_NETLINK, kind, 0 /* NETLINK_ROUTE */) })
    }

    package func links() throws(SysError) -> [NetworkLink] {
        var message = start(.getLink, 0x300 /* NLM_F_DUMP */)
        message.putLink(index: 0)
        return try exchange(message, "RTM_GETLINK", on: "").filter { $0.type == RouteMessage.Kind.newLink.rawValue }.map { reply in
            let name = reply.attribute(3 /* IFLA_IFNAME */, after: 16) ?? []
            return NetworkLink(
                index: Int32(bitPattern: reply.number(4, 4)), name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self),
                isUp: reply.number(8, 4) & 1 /* IFF_UP */ != 0)
        }
    }

    package func addresses(of link: NetworkLink) throws(SysError) -> [NetworkAddress] {
        var message = start(.getAddress, 0x300)
        message.put(UInt64(0))
        let replies = try exchange(message, "RTM_GETADDR", on: link.name)
        return replies.filter { $0.type == RouteMessage.Kind.newAddress.rawValue && Int32(bitPattern: $0.number(4, 4)) == link.index }.map {
            reply in
            let attributes = reply.attributes(after: 8)
            let wide = reply.attribute(8 /* IFA_FLAGS */, after: 8)
            let flags = wide.map { $0.enumerated().reduce(0) { $0 | UInt32($1.element) << UInt32(8 * $1.offset) } } ?? reply.number(2, 1)
            // IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST and IFA_RT_PRIORITY; a label would carry the old name.
            let kept = attributes.filter { [1, 2, 4, 9].contains($0.type) }.map { NetworkAddress.Attribute(type: $0.type, value: $0.value) }
            return NetworkAddress(
                family: reply.body[0], prefixLength: reply.body[1], scope: reply.body[3], flags: flags, attributes: kept)
        }
    }

    package func setState(of link: NetworkLink, up: Bool) throws(SysError) {
        var message = start(.newLink, 0x4 /* NLM_F_ACK */)
        message.putLink(index: link.index, flags: up ? 1 : 0, change: 1)
        try exchange(message, "RTM_NEWLINK \(up ? "up" : "down")", on: link.name)
    }

    /// Into another network namespace, where it has the new name; `%d` in that is a number which the kernel finds.
    package func move(_ link: NetworkLink, to namespace: borrowing FD, as name: String) throws(SysError) {
        var message = start(.newLink, 0x4)
        message.putLink(index: link.index)
        message.putAttribute(3 /* IFLA_IFNAME */, Array(name.utf8) + [0])
        message.putAttribute(28 /* IFLA_NET_NS_FD */, UInt32(bitPattern: namespace.raw))
        try exchange(message, "move network device", on: link.name == name ? name : "\(link.name) as \(name)")
    }

    package func add(_ address: NetworkAddress, to link: NetworkLink) throws(SysError) {
        // NLM_F_CREATE, NLM_F_EXCL, NLM_F_ACK
        var message = start(.newAddress, 0x604)
        message.put(address.family)
        message.put(address.prefixLength)
        message.put(UInt8(0))
        message.put(address.scope)
        message.put(link.index)
        for attribute in address.attributes { message.putAttribute(attribute.type, attribute.value) }
        // What somebody asked for, not what became of it (tentative, duplicate, …): NODAD, HOMEADDRESS, MANAGETEMPADDR,
        // NOPREFIXROUTE, MCAUTOJOIN.
        message.putAttribute(8, address.flags & 0x712)
        try exchange(message, "RTM_NEWADDR", on: link.name)
    }

    private func start(_ kind: RouteMessage.Kind, _ flags: UInt16) -> RouteMessage {
        sequence += 1
        return RouteMessage(kind, flags: flags | 1 /* NLM_F_REQUEST */, sequence: sequence)
    }

    /// Sends, and collects what comes until the end of the answer. The request is over when this returns.
    @discardableResult
    private func exchange(_ message: RouteMessage, _ operation: String, on subject: String) throws(SysError) -> [RouteReply] {
        try fd.writeAll(message.finished())
        var result: [RouteReply] = []
        while true {
            // The kernel fills at most 32 KiB at a time.
            var buffer = [UInt8](repeating: 0, count: 65_536)
            guard case .bytes(let count) = try fd.read(into: &buffer), let replies = RouteReply.all(in: buffer[..<count]) else {
                throw SysError(EPROTO, operation, on: subject)
            }
            for reply in replies {
                switch reply.type {
                case RouteReply.error:
                    let code = -Int32(bitPattern: reply.number(0, 4))
                    guard code == 0 else { throw SysError(code, operation, on: subject) }
                    return result
                case RouteReply.done: return result
                default: result.append(reply)
                }
            }
        }
    }
}
