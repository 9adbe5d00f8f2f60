internal import Images
internal import LinuxSys
internal import Messages
internal import Synchronization

/// `ImageFsInfo`: what images take of the disk, and what containers have written.
final class ImageSpace: Sendable {
    private let site: Site
    /// Layers never change: each is counted once.
    private let layers: Mutex<[String: TreeUsage]> = Mutex([:])

    init(_ site: Site) { self.site = site }

    func info(_ request: Runtime_V1_ImageFsInfoRequest) async throws(PluginError) -> Runtime_V1_ImageFsInfoResponse {
        let (images, containers) = try await offPool { [self] in (try imageUsage(), try site.store.containersUsage()) }
        let time = Int64(clamping: realtimeNanoseconds())
        var answer = Runtime_V1_ImageFsInfoResponse()
        answer.imageFilesystems = [.init(images, mountpoint: site.store.root, at: time)]
        answer.containerFilesystems = [.init(containers, mountpoint: site.store.root, at: time)]
        return answer
    }

    private func imageUsage() throws(ImageError) -> TreeUsage {
        let chains = try site.store.layerChains()
        let known = layers.withLock { $0 }
        var now: [String: TreeUsage] = [:]
        for chain in chains {
            if let usage = known[chain] { now[chain] = usage } else { now[chain] = try site.store.layerUsage(chain) }
        }
        let counted = now
        layers.withLock { $0 = counted }
        return counted.values.reduce(try site.store.blobUsage(), +)
    }
}
