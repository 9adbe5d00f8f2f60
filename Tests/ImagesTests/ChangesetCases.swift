import Testing

@testable import Images

/// One corner of image-spec, layer.md: layers from the lowest up, and the names that are there in the end.
struct ChangesetCase: Sendable, CustomTestStringConvertible {
    let title: String
    let layers: [[TarWriter.Member]]
    let names: [String]
    var testDescription: String { title }

    init(_ title: String, _ layers: [[TarWriter.Member]], _ names: [String]) {
        self.title = title
        self.layers = layers
        self.names = names
    }

    static let all: [ChangesetCase] =
        [
            .init(
                "added, modified, left alone", [[.file("a", "1"), .file("b", "1")], [.file("b", "22"), .file("c", "3")]],
                ["/a", "/b", "/c"]),
            .init(
                "deleted file, whiteout before its sibling",
                [[.directory("d"), .file("d/x", "1"), .file("d/y", "1")], [.file("d/.wh.x", ""), .file("d/z", "2")]],
                ["/d", "/d/y", "/d/z"]),
            .init(
                "deleted file, whiteout after its sibling",
                [[.directory("d"), .file("d/x", "1"), .file("d/y", "1")], [.file("d/z", "2"), .file("d/.wh.x", "")]],
                ["/d", "/d/y", "/d/z"]),
            .init(
                "deleted directory with all in it",
                [[.directory("d"), .directory("d/e"), .file("d/e/f", "1"), .file("k", "")], [.file(".wh.d", "")]], ["/k"]),
            .init(
                "deleted directory that the same layer makes again, whiteout first",
                [[.directory("d"), .file("d/old", "1")], [.file(".wh.d", ""), .directory("d"), .file("d/new", "2")]], ["/d", "/d/new"]),
            .init(
                "deleted directory that the same layer makes again, whiteout last",
                [[.directory("d"), .file("d/old", "1")], [.directory("d"), .file("d/new", "2"), .file(".wh.d", "")]], ["/d", "/d/new"]),
            .init(
                "opaque directory, mark first",
                [
                    [.directory("d"), .file("d/old", "1"), .directory("d/s"), .file("d/s/t", "1")],
                    [.directory("d"), .file("d/.wh..wh..opq", ""), .file("d/new", "2")],
                ], ["/d", "/d/new"]),
            .init(
                "opaque directory, mark last",
                [
                    [.directory("d"), .file("d/old", "1"), .directory("d/s"), .file("d/s/t", "1")],
                    [.directory("d"), .file("d/new", "2"), .file("d/.wh..wh..opq", "")],
                ], ["/d", "/d/new"]),
            .init(
                "opaque root",
                [
                    [.directory("d"), .file("d/old", "1"), .file("f", "1")],
                    [.file(".wh..wh..opq", ""), .directory("d"), .file("d/new", "2")],
                ],
                ["/d", "/d/new"]),
            .init(
                "file replaces directory, and back",
                [[.directory("d"), .file("d/x", "1")], [.file("d", "file")], [.directory("d"), .file("d/y", "2")]], ["/d", "/d/y"]),
            .init(
                "link replaces directory", [[.directory("d"), .file("d/x", "1")], [.symlink("d", to: "e"), .directory("e")]], ["/d", "/e"]),
            .init(
                "directory replaces link",
                [[.symlink("d", to: "e"), .directory("e"), .file("e/in", "1")], [.directory("d"), .file("d/own", "2")]],
                ["/d", "/d/own", "/e", "/e/in"]),
            .init("hard link in one layer", [[.file("a", "1"), .hardLink("b", to: "a")]], ["/a", "/b"]),
            .init(
                "hard link to a file of a layer below", [[.directory("d"), .file("d/a", "1")], [.hardLink("b", to: "d/a")]],
                ["/b", "/d", "/d/a"]),
            .init("hard link whose first name goes later", [[.file("a", "1"), .hardLink("b", to: "a")], [.file(".wh.a", "")]], ["/b"]),
            .init(
                "parent that is a link below", [[.directory("real"), .symlink("way", to: "real")], [.file("way/f", "1")]],
                ["/real", "/real/f", "/way"]),
            .init(
                "parents that no entry describes", [[.file("p/q/r/f", "1")], [.file("p/q/s/g", "2")]],
                ["/p", "/p/q", "/p/q/r", "/p/q/r/f", "/p/q/s", "/p/q/s/g"]),
            .init("whiteout of nothing", [[.file("a", "1")], [.file(".wh.never", ""), .file("x/.wh.never", "")]], ["/a"]),
            .init(
                "deleted, added, deleted again",
                [[.file("a", "1")], [.file(".wh.a", "")], [.file("a", "3")], [.file(".wh.a", ""), .file("k", "")]], ["/k"]),
            .init(
                "directory described again keeps what is in it",
                [[.directory("d", mode: 0o755), .file("d/x", "1")], [.directory("d", mode: 0o700, uid: 7)]], ["/d", "/d/x"]),
            .init(
                "attributes and owners of a directory below",
                [
                    [
                        .init(path: "d", type: "5", mode: 0o2750, uid: 5, gid: 6, pax: [("SCHILY.xattr.user.k", Array("v".utf8))]),
                        .file("d/x", "1"),
                    ], [.file("d/y", "2")],
                ], ["/d", "/d/x", "/d/y"]),
        ] + together + overSeveral + throughLinks

    private static let below: [TarWriter.Member] = [
        .directory("d"), .file("d/old", "1"), .directory("d/s"), .file("d/s/t", "1"), .file("k", "1"),
    ]

    /// Two kinds of notes for one place.
    private static let together: [ChangesetCase] = [
        .init(
            "whiteout and opaque mark of one directory",
            [below, [.file(".wh.d", ""), .directory("d"), .file("d/.wh..wh..opq", ""), .file("d/new", "2")]], ["/d", "/d/new", "/k"]),
        .init(
            "opaque mark and whiteout of one directory, the mark first",
            [below, [.directory("d"), .file("d/.wh..wh..opq", ""), .file("d/new", "2"), .file(".wh.d", "")]], ["/d", "/d/new", "/k"]),
        .init(
            "opaque mark and whiteouts of what is below it",
            [below, [.directory("d"), .file("d/.wh.old", ""), .file("d/.wh..wh..opq", ""), .file("d/s/.wh.t", ""), .file("d/s/u", "2")]],
            ["/d", "/d/s", "/d/s/u", "/k"]),
        .init(
            "opaque mark without an entry for its directory", [below, [.file("d/.wh..wh..opq", ""), .file("d/old", "2")]],
            ["/d", "/d/old", "/k"]),
        .init(
            "opaque mark of a directory that is new, and twice",
            [below, [.directory("n"), .file("n/.wh..wh..opq", ""), .file("n/f", "2"), .file("n/.wh..wh..opq", "")]],
            ["/d", "/d/old", "/d/s", "/d/s/t", "/k", "/n", "/n/f"]),
        .init(
            "whiteout of a name that the layer has as another kind",
            [below, [.file(".wh.d", ""), .file("d", "file"), .directory("k"), .file(".wh.k", ""), .file("k/in", "2")]],
            ["/d", "/k", "/k/in"]),
        .init(
            "file replaces directory and directory file, in one layer",
            [below, [.file("d", "file"), .directory("k"), .file("k/in", "2")]],
            ["/d", "/k", "/k/in"]),
        .init(
            "directory, file and directory again, in one layer",
            [below, [.directory("d"), .file("d/a", "2"), .file("d", "file"), .directory("d"), .file("d/b", "2")]], ["/d", "/d/b", "/k"]),
    ]

    /// What a layer says has to hold for all above it.
    private static let overSeveral: [ChangesetCase] = [
        .init(
            "a directory that comes back a layer later starts empty",
            [below, [.file(".wh.d", "")], [.directory("d"), .file("d/new", "3")]],
            ["/d", "/d/new", "/k"]),
        .init(
            "a directory that comes back without an entry of its own starts empty", [below, [.file(".wh.d", "")], [.file("d/s/new", "3")]],
            ["/d", "/d/s", "/d/s/new", "/k"]),
        .init(
            "opaque in the middle hides from the top",
            [below, [.directory("d"), .file("d/.wh..wh..opq", ""), .file("d/mid", "2")], [.file("d/s/top", "3")]],
            ["/d", "/d/mid", "/d/s", "/d/s/top", "/k"]),
        .init(
            "opaque root in the middle", [below, [.file(".wh..wh..opq", ""), .file("m", "2")], [.file("d/old", "3")]],
            ["/d", "/d/old", "/m"]),
        .init(
            "a file where a directory was, a directory where the file was, the old content stays gone",
            [below, [.file("d", "2")], [.file(".wh.d", "")], [.directory("d"), .directory("d/s")]], ["/d", "/d/s", "/k"]),
        .init(
            "hard link to a file that a layer between has replaced", [[.file("a", "1")], [.file("a", "22")], [.hardLink("b", to: "a")]],
            ["/a", "/b"]),
        .init(
            "hard links that meet over three layers",
            [[.file("a", "1"), .hardLink("b", to: "a")], [.hardLink("c", to: "b")], [.hardLink("e", to: "c"), .file(".wh.a", "")]],
            ["/b", "/c", "/e"]),
        .init(
            "hard link whose target the layer replaces afterwards", [[.file("a", "1")], [.hardLink("b", to: "a"), .file("a", "22")]],
            ["/a", "/b"]),
        .init(
            "hard links to a link and to a fifo",
            [[.symlink("l", to: "x"), .init(path: "p", type: "6")], [.hardLink("m", to: "l"), .hardLink("q", to: "p")]],
            ["/l", "/m", "/p", "/q"]),
        .init(
            "names that look like notes and are none",
            [[.file("d/wh.a", "1"), .file("d/.wha", "1"), .file("d/a", "1")], [.file("d/.wh.wh.a", "")]], ["/d", "/d/.wha", "/d/a"]),
    ]

    /// Parents that are links in a layer below.
    private static let throughLinks: [ChangesetCase] = [
        .init(
            "whiteout below a link",
            [[.directory("real"), .file("real/x", "1"), .file("real/y", "1"), .symlink("way", to: "real")], [.file("way/.wh.x", "")]],
            ["/real", "/real/y", "/way"]),
        .init(
            "opaque mark below a link",
            [
                [.directory("real"), .file("real/x", "1"), .symlink("way", to: "real")],
                [.file("way/.wh..wh..opq", ""), .file("way/new", "2")],
            ], ["/real", "/real/new", "/way"]),
        .init(
            "hard link by way of a link",
            [[.directory("real"), .file("real/x", "1"), .symlink("way", to: "/real")], [.hardLink("way/second", to: "way/x")]],
            ["/real", "/real/second", "/real/x", "/way"]),
        .init(
            "a link to a link, over three layers",
            [
                [.directory("a"), .file("a/x", "1")], [.symlink("b", to: "a"), .symlink("c", to: "b")],
                [.file("c/.wh.x", ""), .file("c/y", "3")],
            ],
            ["/a", "/a/y", "/b", "/c"]),
        .init(
            "a whiteout takes the link, not what it leads to",
            [[.directory("real"), .file("real/x", "1"), .symlink("way", to: "real")], [.file(".wh.way", "")]], ["/real", "/real/x"]),
        .init(
            "the link is replaced by a directory in the same layer that writes below it",
            [[.directory("real"), .file("real/x", "1"), .symlink("way", to: "real")], [.directory("way"), .file("way/y", "2")]],
            ["/real", "/real/x", "/way", "/way/y"]),
    ]
}
