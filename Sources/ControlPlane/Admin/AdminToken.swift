// `--admin-token-file`: whoever knows the file's first line may use the admin listeners (RFC 6750: `Authorization: Bearer …`).

import Reactor
import Synchronization

/// The token, read anew at every reload so that it can be changed.
final class AdminToken: Sendable {
    let path: String
    private let token: Mutex<[UInt8]>

    init(path: String) throws(SystemError) {
        self.path = path
        token = Mutex(try Self.read(path))
    }

    /// A file that cannot be read now changes nothing.
    func reload() {
        if let bytes = try? Self.read(path) { token.withLock { $0 = bytes } }
    }

    private static func read(_ path: String) throws(SystemError) -> [UInt8] {
        do throws(SystemError) { return try TokenFile.firstLine(path) } catch {
            throw SystemError("--admin-token-file: \(error.operation)", code: error.code)
        }
    }

    /// Whether the field's value carries the token. The time it takes says nothing about how much of it was right.
    func allows(_ authorization: String?) -> Bool {
        guard let authorization else { return false }
        let words = authorization.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bearer" else { return false }
        let given = Array(words[1].utf8)
        return token.withLock { token in
            var difference = UInt8(given.count == token.count ? 0 : 1)
            for index in given.indices { difference |= given[index] ^ token[index % token.count] }
            return difference == 0
        }
    }
}
