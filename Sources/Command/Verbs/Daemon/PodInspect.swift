internal import Messages
internal import OCI

/// `inspect POD` and `inspect POD/CONTAINER`: CRI's own status in Protobuf's JSON form, with what a verbose answer adds.
struct PodInspect {
    static func describe(_ name: String, _ client: DaemonClient, _ inventory: Inventory) async throws -> JSON {
        let (status, info): (JSON, [String: String])
        switch try inventory.find(name) {
        case .pod(let pod):
            let answer = try await client.status(ofPod: pod.id)
            (status, info) = (try JSON(answer.status), answer.info)
        case .container(let container):
            let answer = try await client.status(ofContainer: container.id, verbose: true)
            (status, info) = (try JSON(answer.status), answer.info)
        }
        return ["status": status, "info": .info(info)]
    }
}
