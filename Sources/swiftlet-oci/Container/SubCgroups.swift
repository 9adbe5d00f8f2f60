import Executor
import Glibc

/// `--cgroup [CONTROLLER[,CONTROLLER]:]PATH`: groups below the container's, made by somebody in it, that an executed process joins.
struct SubCgroups: Equatable {
    /// By controller; the empty one holds for all that are not named.
    private var paths: [(controller: String, path: String)] = []

    static func == (left: SubCgroups, right: SubCgroups) -> Bool {
        left.paths.elementsEqual(right.paths) { $0.controller == $1.controller && $0.path == $1.path }
    }

    init(_ words: [String]) throws(CommandError) {
        for word in words {
            let halves = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let path = halves[halves.count - 1]
            guard !path.isEmpty, !path.split(separator: "/").contains("..") else {
                throw .usage("--cgroup \(word): the path of a cgroup below the container's expected")
            }
            guard halves.count == 2 else {
                guard words.count == 1 else { throw .usage("--cgroup \(word): of several each needs its controllers") }
                paths.append(("", path))
                continue
            }
            for controller in halves[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
                guard !controller.isEmpty else { throw .usage("--cgroup \(word): a controller has no name") }
                guard !paths.contains(where: { $0.controller == controller }) else {
                    throw .usage("--cgroup: controller \(controller) is given twice")
                }
                paths.append((controller, path))
            }
        }
    }

    func apply(to cgroup: inout CgroupPaths) throws(CommandError) {
        for (controller, path) in paths {
            let places = cgroup.entries.indices.filter { controller.isEmpty || cgroup.entries[$0].controller == controller }
            guard !places.isEmpty else { throw .usage("--cgroup: the container has no cgroup of controller \(controller)") }
            for place in places {
                let directory = cgroup.entries[place].directory + "/" + path.split(separator: "/").joined(separator: "/")
                guard unsafe access(directory, F_OK) == 0 else { throw .usage("--cgroup: \(directory) does not exist") }
                cgroup.entries[place].directory = directory
            }
        }
    }
}
