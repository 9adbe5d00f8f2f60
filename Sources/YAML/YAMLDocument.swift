package import OCI
internal import Yams

/// Why a text is no YAML, in one line.
package struct YAMLError: Error, Equatable, CustomStringConvertible, Sendable {
    package let description: String
    package init(description: String) { self.description = description }
}

/// YAML 1.1 as kubectl reads it, turned into JSON values: what is left of a document once its notation is gone.
package enum YAMLDocument {
    /// Every document of a file that is not empty.
    package static func documents(_ text: String) throws(YAMLError) -> [JSON] {
        var nodes: [Node] = []
        do {
            let parser = try Parser(yaml: text)
            while let root = try parser.nextRoot() { nodes.append(root) }
        } catch {
            throw YAMLError(description: oneLine("\(error)"))
        }
        var result: [JSON] = []
        for node in nodes {
            let value = try value(of: node)
            if value != .null { result.append(value) }
        }
        return result
    }

    private static func value(of node: Node) throws(YAMLError) -> JSON {
        switch node {
        case .scalar(let scalar): return try value(of: scalar, node)
        case .sequence(let sequence):
            var items: [JSON] = []
            for element in sequence { items.append(try value(of: element)) }
            return .array(items)
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, element) in mapping {
                guard case .scalar(let name) = key else { throw failure(key, "a key must be a string") }
                object[name.string] = try value(of: element)
            }
            return .object(object)
        case .alias: throw failure(node, "an alias without its anchor")
        }
    }

    private static func value(of scalar: Node.Scalar, _ node: Node) throws(YAMLError) -> JSON {
        // A quoted or block scalar is a string whatever it looks like.
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        switch node.tag.description {
        case Tag.Name.null.rawValue: return .null
        case Tag.Name.bool.rawValue: return .bool(node.bool ?? false)
        case Tag.Name.int.rawValue:
            guard let number = node.int else { throw failure(node, "\(scalar.string) is out of range") }
            return .integer(Int64(number))
        case Tag.Name.float.rawValue: return .number(node.float ?? .nan)
        default: return .string(scalar.string)
        }
    }

    private static func failure(_ node: Node, _ reason: String) -> YAMLError {
        YAMLError(description: "line \(node.mark?.line ?? 0): \(reason)")
    }
}

/// A message of several lines as one.
package func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: "; ")
}
