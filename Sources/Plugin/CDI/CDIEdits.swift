package import OCI

/// What a device brings into a container (CDI's SPEC.md, "containerEdits").
package struct CDIEdits: Equatable, Sendable {
    package struct Node: Equatable, Sendable {
        package var path: String
        /// On the node, when it is not `path`.
        package var hostPath: String?
        package var type: String?
        package var major: Int64?, minor: Int64?
        package var fileMode: Int64?, uid: Int64?, gid: Int64?
        /// Of `rwm`.
        package var permissions: String
    }
    package struct Mount: Equatable, Sendable {
        package var hostPath: String
        package var containerPath: String
        package var type: String
        package var options: [String]
    }
    package struct Hook: Equatable, Sendable {
        package var name: String
        package var path: String
        package var args: [String]
        package var env: [String]
        package var timeout: Int64?
    }

    package var environment: [String] = []
    package var nodes: [Node] = []
    package var mounts: [Mount] = []
    package var hooks: [Hook] = []
    package var groups: [Int64] = []
    /// Of the node's network, by their name there and the one in the container.
    package var networkDevices: [(host: String, name: String)] = []

    package init() {}

    package init(_ field: JSONField) throws(FieldError) {
        guard !(try field.member("intelRdt").isPresent) else { throw FieldError(unsupported: try field.member("intelRdt").path) }
        environment = try field.member("env").strings()
        for place in try field.member("deviceNodes").elements() { nodes.append(try Node(place)) }
        for place in try field.member("mounts").elements() {
            mounts.append(
                Mount(
                    hostPath: try place.member("hostPath").string(), containerPath: try place.member("containerPath").string(),
                    type: try place.member("type").optionalString() ?? "bind", options: try place.member("options").strings()))
        }
        for place in try field.member("hooks").elements() { hooks.append(try Hook(place)) }
        for place in try field.member("additionalGids").elements() { groups.append(try place.integer()) }
        for place in try field.member("netDevices").elements() {
            networkDevices.append((try place.member("hostInterfaceName").string(), try place.member("name").string()))
        }
    }

    package static func == (a: CDIEdits, b: CDIEdits) -> Bool {
        a.environment == b.environment && a.nodes == b.nodes && a.mounts == b.mounts && a.hooks == b.hooks && a.groups == b.groups
            && a.networkDevices.elementsEqual(b.networkDevices, by: ==)
    }

    package static func += (a: inout CDIEdits, b: CDIEdits) {
        a.environment += b.environment
        a.nodes += b.nodes
        a.mounts += b.mounts
        a.hooks += b.hooks
        a.groups += b.groups
        a.networkDevices += b.networkDevices
    }
}

extension CDIEdits.Node {
    init(_ field: JSONField) throws(FieldError) {
        path = try field.member("path").string()
        hostPath = try field.member("hostPath").optionalString()
        type = try field.member("type").optionalString()
        (major, minor) = (try field.member("major").optionalInteger(), try field.member("minor").optionalInteger())
        fileMode = try field.member("fileMode").optionalInteger()
        (uid, gid) = (try field.member("uid").optionalInteger(), try field.member("gid").optionalInteger())
        permissions = try field.member("permissions").optionalString() ?? "rwm"
        guard Set(permissions).isSubset(of: "rwm") else {
            throw FieldError(try field.member("permissions").path, "of r, w and m expected, found \(permissions)")
        }
    }
}

extension CDIEdits.Hook {
    init(_ field: JSONField) throws(FieldError) {
        name = try field.member("hookName").string()
        let known = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
        guard known.contains(name) else { throw FieldError(try field.member("hookName").path, "\(name) is no hook") }
        path = try field.member("path").string()
        (args, env) = (try field.member("args").strings(), try field.member("env").strings())
        timeout = try field.member("timeout").optionalInteger()
    }
}
