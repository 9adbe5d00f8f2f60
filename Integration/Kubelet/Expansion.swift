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
