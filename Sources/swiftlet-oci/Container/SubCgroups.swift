/// `--cgroup [CONTROLLER[,CONTROLLER]:]PATH`: groups below the container's, made by somebody in it, that an executed process joins.
enum SubCgroups {
    /// By controller; the empty one holds for all that are not named.
    static func parse(_ words: [String]) throws(CommandError) -> [String: String] {
        var result: [String: String] = [:]
        for word in words {
            let halves = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let path = halves[halves.count - 1]
            guard !path.isEmpty, !path.split(separator: "/").contains("..") else {
                throw .usage("--cgroup \(word): the path of a cgroup below the container's expected")
            }
            guard halves.count == 2 else {
                guard words.count == 1 else { throw .usage("--cgroup \(word): of several each needs its controllers") }
                return ["": path]
            }
            for controller in halves[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
                guard !controller.isEmpty else { throw .usage("--cgroup \(word): a controller has no name") }
                guard result.updateValue(path, forKey: controller) == nil else {
                    throw .usage("--cgroup: controller \(controller) is given twice")
                }
            }
        }
        return result
    }
}
