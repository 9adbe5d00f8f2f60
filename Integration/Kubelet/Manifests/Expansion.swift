/// `$(NAME)` in commands, arguments and values (Kubernetes API, "dependent environment variables"): a known name is replaced,
/// an unknown reference stays as it is, `$$` stands for one dollar.
func expand(_ text: String, _ variables: [String: String]) -> String {
    var result = ""
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
        result += rest[..<dollar]
        rest = rest[rest.index(after: dollar)...]
        if rest.first == "$" {
            result.append("$")
            rest = rest.dropFirst()
        } else if rest.first == "(", let end = rest.firstIndex(of: ")") {
            let name = String(rest[rest.index(after: rest.startIndex)..<end])
            result += variables[name] ?? "$(\(name))"
            rest = rest[rest.index(after: end)...]
        } else {
            result.append("$")
        }
    }
    return result + rest
}

extension ContainerManifest {
    /// The environment with the references of later variables to earlier ones replaced.
    package var expandedEnvironment: [EnvironmentVariable] {
        var known: [String: String] = [:]
        var result: [EnvironmentVariable] = []
        for variable in environment {
            let value = expand(variable.value, known)
            known[variable.name] = value
            result.append(EnvironmentVariable(name: variable.name, value: value))
        }
        return result
    }

    package var expandedCommand: [String] { expandAll(command) }
    package var expandedArgs: [String] { expandAll(args) }

    private func expandAll(_ texts: [String]) -> [String] {
        let known = Dictionary(expandedEnvironment.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        return texts.map { expand($0, known) }
    }
}

extension ContainerManifest {
    /// The same with every variable's value in it. `address` is the pod's, nil while it has none.
    package func resolved(in pod: PodManifest, maps: [ConfigMap], address: String?, nodeName: String) -> ContainerManifest {
        var result = self
        // What comes from elsewhere is not expanded.
        func literal(_ text: String) -> String { text.replacing("$", with: "$$") }
        func text(_ map: String, _ key: String) -> String? {
            maps.first { $0.name == map }?.data[key].map { String(decoding: $0, as: UTF8.self) }
        }
        result.environment = environmentMaps.flatMap { source in
            (maps.first { $0.name == source.name }?.data ?? [:]).sorted { $0.key < $1.key }.map {
                EnvironmentVariable(name: source.prefix + $0.key, value: literal(String(decoding: $0.value, as: UTF8.self)))
            }
        }
        for variable in environment {
            switch variable.source {
            case nil: result.environment.append(variable)
            case .configMap(let map, let key, _):
                // Without the key an optional variable is not set at all.
                if let value = text(map, key) { result.environment.append(EnvironmentVariable(name: variable.name, value: literal(value))) }
            case .field(let field):
                let value = field.value(of: pod, address: address, nodeName: nodeName)
                result.environment.append(EnvironmentVariable(name: variable.name, value: literal(value)))
            }
        }
        result.environmentMaps = []
        return result
    }
}

extension FieldReference {
    func value(of pod: PodManifest, address: String?, nodeName: String) -> String {
        switch self {
        case .name: pod.name
        case .namespace: pod.namespace
        case .uid: pod.uid
        case .nodeName: nodeName
        case .podIP: address ?? ""
        case .label(let key): pod.labels[key] ?? ""
        case .annotation(let key): pod.annotations[key] ?? ""
        }
    }
}
