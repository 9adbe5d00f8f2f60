/// Images, snapshots, containers and pods under one directory. Two processes may use one directory at once.
package final class Store: Sendable {
    /// Absolute.
    package let root: String

    /// Opens or makes the store at `root` (mode 0700) and removes what a process that died left half done.
    package init(root: String) throws(ImageError) {
        self.root = root
    }

    /// Loads every image of an archive: a `docker save` tar, an OCI layout as a directory or as a tar.
    /// `name` replaces the archive's own names. All or nothing; each record carries its names.
    package func load(_ path: String, name: String?, progress: (@Sendable (LoadProgress) -> Void)?) throws(ImageError) -> [ImageRecord] {
        throw .unsupported(subject: path, what: "load")
    }

    package func images() throws(ImageError) -> [ImageRecord] { throw .unsupported(subject: root, what: "images") }

    /// By name, name:tag, id, or a prefix of the id that only one image has.
    package func image(_ reference: String) throws(ImageError) -> ImageRecord { throw .notFound(kind: .image, name: reference) }

    /// Takes the name away; with the last name (or by id) the image goes, unless a container uses it.
    package func removeImage(_ reference: String) throws(ImageError) { throw .notFound(kind: .image, name: reference) }

    /// Makes the init layer and the writable layer of a container.
    package func prepare(
        container id: String, image: ImageRecord, identity: ContainerIdentity = ContainerIdentity()
    ) throws(ImageError) -> ContainerRoot { throw .unsupported(subject: id, what: "prepare") }

    /// The root that `prepare` made.
    package func containerRoot(_ id: String) throws(ImageError) -> ContainerRoot { throw .notFound(kind: .container, name: id) }

    /// Removes both layers; nothing to remove is fine. The root must not be mounted.
    package func discard(container id: String) throws(ImageError) { throw .unsupported(subject: id, what: "discard") }

    /// Adds or replaces the record with that id.
    package func save(_ record: ContainerRecord) throws(ImageError) { throw .unsupported(subject: record.id, what: "save") }
    /// Oldest first.
    package func containers() throws(ImageError) -> [ContainerRecord] { throw .unsupported(subject: root, what: "containers") }
    /// By id, name, or a prefix of the id that only one container has.
    package func container(_ reference: String) throws(ImageError) -> ContainerRecord { throw .notFound(kind: .container, name: reference) }
    /// Removes the record; nothing to remove is fine.
    package func remove(container id: String) throws(ImageError) { throw .unsupported(subject: id, what: "remove") }

    package func save(_ record: PodRecord) throws(ImageError) { throw .unsupported(subject: record.id, what: "save") }
    package func pods() throws(ImageError) -> [PodRecord] { throw .unsupported(subject: root, what: "pods") }
    package func pod(_ reference: String) throws(ImageError) -> PodRecord { throw .notFound(kind: .pod, name: reference) }
    package func remove(pod id: String) throws(ImageError) { throw .unsupported(subject: id, what: "remove") }
}
