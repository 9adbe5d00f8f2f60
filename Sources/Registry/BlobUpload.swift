internal import LinuxSys
internal import NIOHTTP1
internal import OCI

/// Brings one blob to a registry (distribution-spec, "Pushing Blobs"): as a whole when it is small, else part by part, going on from
/// where the registry says that it is after a connection broke.
struct BlobUpload: Sendable {
    let repository: String
    let descriptor: Descriptor
    let session: Session
    let place: RegistryError.Place
    let progress: @Sendable (UInt64) -> Void

    enum Mount: Sendable {
        case mounted
        /// The registry did not do it and began an upload instead.
        case begun(WebAddress)
        /// Not allowed to look there.
        case refused
    }

    /// Takes it over from another repository, without sending it.
    func mount(from origin: String) async throws(RegistryError) -> Mount {
        var address = session.server.address(repository, "blobs/uploads/")
        address = address.adding(query: "mount", descriptor.digest.description).adding(query: "from", origin)
        var request = Request(.POST, address, [.push(repository), .pull(origin)], place)
        request.headers.add(name: "Content-Length", value: "0")
        request.accepted = [404]
        let answer: WireAnswer
        do { answer = try await session.send(request) } catch {
            // A token for two repositories that is not given says nothing about the one.
            switch error {
            case .unauthorized, .forbidden: return .refused
            default: throw error
            }
        }
        try await drain(answer)
        switch answer.status {
        case 201: return .mounted
        case 202: return .begun(try location(answer))
        default: return .refused
        }
    }

    func run(_ file: FDBox, begun: WebAddress?) async throws(RegistryError) {
        var pauses = Pauses(session.patience, place)
        var state = State(address: begun, done: 0)
        var farthest: UInt64 = 0
        while true {
            let failure: RegistryError
            do {
                try await go(file, &state)
                return
            } catch {
                failure = error
            }
            // An upload that the registry has forgotten begins again.
            var isForgotten = false
            if case .notFound = failure, state.address != nil { isForgotten = true }
            guard failure.isPassing || isForgotten else { throw failure }
            if state.done > farthest { pauses.reset() }
            farthest = max(farthest, state.done)
            try await pauses.pause(after: failure)
            if isForgotten { state = State(address: nil, done: 0) } else { try await locate(&state) }
        }
    }

    private struct State {
        /// Where the next part goes; nil: no upload has begun.
        var address: WebAddress?
        var done: UInt64
    }

    private func go(_ file: FDBox, _ state: inout State) async throws(RegistryError) {
        if state.address == nil { state.address = try await begin() }
        let part = session.patience.uploadPart
        while descriptor.size > part, state.done < descriptor.size {
            guard let address = state.address else { break }
            let size = min(part, descriptor.size - state.done)
            var request = upload(.PATCH, address)
            request.headers.add(name: "Content-Type", value: "application/octet-stream")
            request.headers.add(name: "Content-Range", value: "\(state.done)-\(state.done + size - 1)")
            request.body = .file(FilePart(file: file, offset: state.done, size: size))
            let answer = try await session.send(request)
            try await drain(answer)
            state.address = try location(answer)
            state.done += size
            progress(state.done)
        }
        guard let address = state.address else { return }
        var request = upload(.PUT, address.adding(query: "digest", descriptor.digest.description))
        if descriptor.size <= part {
            request.headers.add(name: "Content-Type", value: "application/octet-stream")
            request.body = .file(FilePart(file: file, offset: 0, size: descriptor.size))
        } else {
            request.headers.add(name: "Content-Length", value: "0")
        }
        try await drain(try await session.send(request))
        progress(descriptor.size)
    }

    private func upload(_ method: HTTPMethod, _ address: WebAddress) -> Request {
        var request = Request(method, address, [.push(repository)], place)
        request.seconds = nil
        // What became of it has to be asked before it is sent again.
        request.isRepeatable = false
        return request
    }

    private func begin() async throws(RegistryError) -> WebAddress {
        var request = Request(.POST, session.server.address(repository, "blobs/uploads/"), [.push(repository)], place)
        request.headers.add(name: "Content-Length", value: "0")
        let answer = try await session.send(request)
        try await drain(answer)
        return try location(answer)
    }

    /// Asks how far the upload is; begins anew when that is not to be had, or not where a part ended.
    private func locate(_ state: inout State) async throws(RegistryError) {
        guard descriptor.size > session.patience.uploadPart, let address = state.address else {
            state = State(address: nil, done: 0)
            return
        }
        var request = Request(.GET, address, [.push(repository)], place)
        request.accepted = [404, 405]
        let answer = try await session.send(request)
        try await drain(answer)
        // `0-1023`: the last byte that is there. Nothing yet is `0-0` in some registries, which then is one byte or none.
        guard answer.status < 300, let range = answer.header("Range"), let end = UInt64(range.split(separator: "-").last ?? ""), end > 0,
            end < descriptor.size
        else {
            state = State(address: nil, done: 0)
            return
        }
        state.done = end + 1
        state.address = answer.header("Location") == nil ? address : try location(answer)
    }

    private func location(_ answer: WireAnswer) throws(RegistryError) -> WebAddress {
        guard let text = answer.header("Location"), let address = answer.address.resolving(text) else {
            throw .answer(place, reason: "the registry does not say where the upload goes on")
        }
        guard address.scheme == .https || answer.address.scheme == .http else {
            throw .answer(place, reason: "the registry sends the upload from https to http, at \(address.origin)")
        }
        return address
    }

    private func drain(_ answer: WireAnswer) async throws(RegistryError) {
        do { _ = try await answer.collect(limit: 1 << 20) } catch { throw Wire.failure(error, answer.address, place) }
    }
}

extension Session {
    /// Whether the repository has that blob.
    func has(_ descriptor: Descriptor, _ repository: String, _ place: RegistryError.Place) async throws(RegistryError) -> Bool {
        var request = Request(.HEAD, server.address(repository, "blobs/\(descriptor.digest)"), [.push(repository)], place)
        request.accepted = [404]
        let answer = try await send(request)
        guard answer.status != 404 else { return false }
        // Of a size that contradicts the digest nothing good comes: it is sent again, and the registry may check.
        return answer.header("Content-Length").flatMap { UInt64($0) }.map { $0 == descriptor.size } ?? true
    }

    func put(
        manifest bytes: [UInt8], _ type: String, _ digest: OCI.Digest, _ repository: String, _ tag: String, _ place: RegistryError.Place
    ) async throws(RegistryError) {
        var request = Request(.PUT, server.address(repository, "manifests/\(tag)"), [.push(repository)], place)
        request.headers.add(name: "Content-Type", value: type)
        request.body = .bytes(bytes)
        let (answer, _) = try await fetch(request, limit: 1 << 20, what: "the answer")
        guard let said = answer.header("Docker-Content-Digest").flatMap({ OCI.Digest($0) }), said.algorithm == digest.algorithm else {
            return
        }
        guard said == digest else { throw .digestMismatch(place, wanted: digest.description, found: said.description) }
    }
}
