import Executor
import Glibc
import LinuxSys

/// What `checkpoint` and `restore` tell criu alike. All of it comes from the command line and the bundle; the images are data.
struct CriuPlaces {
    let images: FDBox
    let work: FDBox?
    private let workPath: String
    private let given: Arguments

    /// - Parameter makes: directories that are not there.
    init(_ given: Arguments, makes: Bool) throws(CommandError) {
        self.given = given
        let path = given.value("image-path") ?? "checkpoint"
        let workPath = given.value("work-path") ?? path
        func directory(_ path: String) throws(CommandError) -> FDBox {
            if makes || path != given.value("image-path"), unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
                throw .kernel(SysError(errno, "mkdir", on: path))
            }
            return FDBox(try kernel { () throws(SysError) in try FD.open(path, O_RDONLY | O_DIRECTORY) })
        }
        images = try directory(path)
        work = workPath == path ? nil : try directory(workPath)
        self.workPath = workPath
    }

    func request(_ kind: CriuRequest.Kind) throws(CommandError) -> CriuRequest {
        var request = CriuRequest(kind, images: images.raw)
        request.work = work?.raw
        request.flags = CriuFlags { given.has($0) }
        if let word = given.value("manage-cgroups-mode") {
            guard let mode = CriuRequest.cgroupModes[word] else {
                throw .usage("--manage-cgroups-mode: soft, full, strict or ignore expected, found \(word)")
            }
            request.cgroupMode = mode
        }
        for kind in given.all("empty-ns") where kind != "network" { throw .usage("--empty-ns: network expected, found \(kind)") }
        // Who made the interfaces of a container makes them again.
        request.emptyNamespaces = 0x4000_0000
        return request
    }

    func logPath(_ request: CriuRequest) -> String { "\(workPath)/\(request.logName)" }
}
