// Who owns which definition (design section 5): files own what stands in them; what came through the admin API is kept here
// as one text, in the folder of `--state` so that it outlives the process, or in memory without one. The loader merges both
// like two files, so that the ownership of every resource is a fact of the merged definitions: a resource that both define
// is a finding that names both places, and for the API a conflict.

import DefinitionFiles
import Definitions
import Glibc
import Reactor

/// The definitions that the API owns. It belongs to the control thread.
final class DefinitionStore {
    /// The API's document set as it was put; nil as long as nothing was.
    private(set) var text: String?
    private let folder: String?
    private var lock: Int32 = -1

    /// Stands for the file in positions where there is no folder.
    static let nameInMemory = "PUT /v1/definitions"
    private static let fileName = "definitions"

    /// The name of the API's text in positions.
    var name: String { folder.map { "\($0)/\(Self.fileName)" } ?? Self.nameInMemory }

    /// - Parameter folder: made if it is not there. One process at a time uses it.
    init(folder: String?) throws(SystemError) {
        self.folder = folder
        guard let folder else { return }
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw SystemError("--state \(folder)") }
        lock = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw SystemError("--state \(folder)") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let error =
                errno == EWOULDBLOCK
                ? SystemError("--state \(folder) is used by another process", code: EBUSY)
                : SystemError("--state \(folder)")
            close(lock)
            lock = -1
            throw error
        }
        text = try Self.read("\(folder)/\(Self.fileName)")
    }

    /// Only a file that is not there means that nothing was put: what cannot be read would else be served without, and be
    /// replaced by the next `PUT`.
    private static func read(_ path: String) throws(SystemError) -> String? {
        do throws(SystemError) {
            return String(decoding: try SystemFile.bytes(path, max: bytesMax + 1), as: UTF8.self)
        } catch {
            if error.code == ENOENT { return nil }
            throw SystemError("--state: the definitions in \(path) cannot be read", code: error.code)
        }
    }

    deinit { if lock >= 0 { close(lock) } }

    /// As a definition file may have (design section 9).
    static let bytesMax = 16 << 20

    /// A text that is on its way to becoming the API's: written beside the old one, so that what can fail has happened before
    /// anything is published.
    struct Draft {
        fileprivate(set) var text: String
        fileprivate var path: String?
    }

    func prepare(_ text: String) throws(SystemError) -> Draft {
        guard let folder else { return Draft(text: text, path: nil) }
        let path = "\(folder)/\(Self.fileName).new"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write \(path)") }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw SystemError("fsync \(path)") }
        return Draft(text: text, path: path)
    }

    /// The draft is the API's text from now on.
    func keep(_ draft: Draft) throws(SystemError) {
        if let folder, let path = draft.path {
            guard rename(path, "\(folder)/\(Self.fileName)") == 0 else { throw SystemError("rename \(path)") }
            // The name is on disk when its folder is.
            let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if descriptor >= 0 {
                fsync(descriptor)
                close(descriptor)
            }
        }
        text = draft.text
    }

    func discard(_ draft: Draft) {
        if let path = draft.path { unlink(path) }
    }
}

/// Resources that the API would take from a file.
struct OwnershipConflict: Sendable, Equatable {
    var resource: String
    /// Where the file defines it.
    var owner: SourcePosition

    var json: JSONValue {
        [
            "resource": .string(resource), "file": .string(owner.file), "line": .int(owner.line),
            "column": .int(owner.column),
        ]
    }
}
