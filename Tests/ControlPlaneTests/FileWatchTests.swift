import Glibc
import Reactor
import Testing

@testable import ControlPlane

@Suite("Changes of what was read are noticed, however they are made")
struct FileWatchTests {
    /// A watch on a loop of its own, and how many changes it reported.
    final class Watching: Sendable {
        let changes = Awaited(0)
        private let mailbox = Awaited<Mailbox?>(nil)

        init(_ paths: [String]) {
            let changes = self.changes
            let mailbox = self.mailbox
            _ = onThread {
                guard let loop = try? EventLoop(),
                    let watch = try? FileWatch(loop: loop, changed: { changes.change { $0 += 1 } })
                else { return }
                _ = watch.watch(paths)
                // Jobs run on this thread, so that the loop is only ever touched here.
                nonisolated(unsafe) let stopping = loop
                Self.stops.change { $0[ObjectIdentifier(loop.mailbox)] = { stopping.stop() } }
                mailbox.change { $0 = loop.mailbox }
                loop.run()
            }
            _ = mailbox.wait { $0 != nil }
        }

        private static let stops = Awaited<[ObjectIdentifier: @Sendable () -> Void]>([:])

        deinit {
            guard let mailbox = mailbox.current else { return }
            Self.stops.change { stops in
                if let stop = stops.removeValue(forKey: ObjectIdentifier(mailbox)) { mailbox.post(stop) }
            }
        }
    }

    struct Way: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var prepare: @Sendable (Scratch) -> String
        var change: @Sendable (Scratch) -> Void
    }

    static let ways: [Way] = [
        Way(
            testDescription: "written in place", prepare: { $0.write("mesh.yaml", "a") },
            change: { $0.write("mesh.yaml", "b") }),
        Way(
            testDescription: "renamed into place", prepare: { $0.write("mesh.yaml", "a") },
            change: { $0.replace("mesh.yaml", "b") }),
        Way(
            testDescription: "saved by an editor: probe, backup, new file", prepare: { $0.write("mesh.yaml", "a") },
            change: { scratch in
                scratch.write("4913", "")
                unlink(scratch.file("4913"))
                _ = scratch.rename("mesh.yaml", "mesh.yaml~")
                scratch.write("mesh.yaml", "b")
                unlink(scratch.file("mesh.yaml~"))
            }),
        Way(
            testDescription: "deleted", prepare: { $0.write("mesh.yaml", "a") },
            change: { unlink($0.file("mesh.yaml")) }),
        Way(
            testDescription: "created after it was missing", prepare: { $0.file("mesh.yaml") },
            change: { $0.write("mesh.yaml", "b") }),
        Way(
            testDescription: "a new file in a folder that was read",
            prepare: { scratch in
                scratch.makeFolder("meshes")
                return scratch.file("meshes")
            }, change: { $0.write("meshes/more.yml", "b") }),
        Way(
            testDescription: "the folder replaced by another",
            prepare: { scratch in
                scratch.makeFolder("meshes")
                scratch.makeFolder("next")
                scratch.write("next/a.yaml", "b")
                return scratch.file("meshes")
            },
            change: { scratch in
                _ = scratch.rename("meshes", "old")
                _ = scratch.rename("next", "meshes")
            }),
        Way(
            testDescription: "made readable again",
            prepare: { scratch in
                let path = scratch.write("mesh.yaml", "a")
                chmod(path, 0)
                return path
            }, change: { chmod($0.file("mesh.yaml"), 0o644) }),
        Way(
            testDescription: "a folder far above replaced by another",
            prepare: { scratch in
                for folder in ["top", "top/a", "top/a/b", "next", "next/a", "next/a/b"] { scratch.makeFolder(folder) }
                scratch.write("next/a/b/mesh.yaml", "b")
                return scratch.write("top/a/b/mesh.yaml", "a")
            },
            change: { scratch in
                _ = scratch.rename("top", "old")
                _ = scratch.rename("next", "top")
            }),
        Way(
            testDescription: "the target of a symbolic link written",
            prepare: { scratch in
                scratch.makeFolder("real")
                scratch.write("real/mesh.yaml", "a")
                scratch.link("mesh.yaml", to: "real/mesh.yaml")
                return scratch.file("mesh.yaml")
            }, change: { $0.write("real/mesh.yaml", "b") }),
        Way(
            testDescription: "a folder switched by a symbolic link, as Kubernetes mounts configuration",
            prepare: { scratch in
                scratch.makeFolder("..1")
                scratch.write("..1/mesh.yaml", "a")
                scratch.makeFolder("..2")
                scratch.write("..2/mesh.yaml", "b")
                scratch.link("..data", to: "..1")
                scratch.link("mesh.yaml", to: "..data/mesh.yaml")
                return scratch.file("mesh.yaml")
            },
            change: { scratch in
                scratch.link("..data_tmp", to: "..2")
                _ = scratch.rename("..data_tmp", "..data")
            }),
    ]

    @Test("A change is reported once", arguments: ways)
    func reported(_ way: Way) {
        let scratch = Scratch()
        let watching = Watching([way.prepare(scratch)])
        way.change(scratch)
        #expect(watching.changes.wait { $0 > 0 })
        #expect(watching.changes.current == 1)
    }

    @Test("Only names that a path depends on are of interest")
    func interests() {
        let scratch = Scratch()
        scratch.makeFolder("meshes")
        let file = scratch.write("mesh.yaml", "a")
        let interests = FileWatch.interests(in: [file, scratch.file("meshes")])
        let own = interests[scratch.path]
        for (name, isCovered) in [
            ("mesh.yaml", true), ("meshes", true), (".mesh.yaml.swp", false), ("mesh.yaml~", false), ("4913", false),
            ("other.yaml", false),
        ] {
            #expect(own?.covers(name) == isCovered, "\(name)")
        }
        let folder = interests[scratch.file("meshes")]
        for (name, isCovered) in [
            ("any.yaml", true), ("any.yml", true), ("any.json", true), ("ANY.YAML", true), (".any.yaml", false),
            ("any.yaml~", false),
            ("any.txt", false), ("any.yaml.swp", false),
        ] {
            #expect(folder?.covers(name) == isCovered, "\(name)")
        }
    }

    @Test("A loop of symbolic links ends")
    func linkLoop() {
        let scratch = Scratch()
        scratch.link("a", to: "b")
        scratch.link("b", to: "a")
        let interest = FileWatch.interests(in: [scratch.file("a")])[scratch.path]
        #expect(interest?.names.isSuperset(of: ["a", "b"]) == true)
    }

    @Test("Events are read as the kernel lays them out, a cut one left alone")
    func events() {
        func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        let first = word(3) + word(8) + word(0) + word(8) + Array("a.yaml".utf8) + [0, 0]
        let second = word(4) + word(0x4000) + word(0) + word(0)
        let expected = [
            FileWatch.Event(watch: 3, mask: 8, name: "a.yaml"), FileWatch.Event(watch: 4, mask: 0x4000, name: ""),
        ]
        #expect(FileWatch.events((first + second)[...]) == expected)
        #expect(FileWatch.events((first + second).dropLast()) == [expected[0]])
        #expect(FileWatch.events((first + first).dropLast(3)) == [expected[0]])
    }
}
