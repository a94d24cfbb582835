// What commands that talk to a running process have in common.

import ArgumentParser
import ControlPlane
import Glibc

struct AdminOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The admin address of the process: ADDR:PORT, PORT, or unix:PATH.", valueName: "addr"))
    var admin = NetworkAddress.defaultAdmin

    @Option(
        help: ArgumentHelp("A file whose first line is the process's admin token.", valueName: "path"))
    var adminTokenFile: String?

    /// The client, with the token if there is one.
    func client() throws -> AdminClient {
        guard let adminTokenFile else { return AdminClient(admin) }
        guard let token = try? TokenFile.firstLine(adminTokenFile) else {
            throw ValidationError("--admin-token-file \(adminTokenFile) cannot be read, or begins with no token")
        }
        return AdminClient(admin, token: String(decoding: token, as: UTF8.self))
    }
}

extension AdminClient {
    /// The answer to a request; a refusal is printed and ends the command.
    func ask(_ method: String, _ target: String, body: String? = nil) throws -> JSONValue {
        do {
            let answer = try send(method, target, body: body)
            guard answer.status == 200 else {
                Stream.error.write("trellis: \(answer.problem)")
                throw ExitCodes.failed
            }
            return try JSONValue(parsing: answer.body)
        } catch let error as AdminClientError {
            Stream.error.write("trellis: \(error)")
            throw ExitCodes.failed
        } catch let error as JSONError {
            Stream.error.write("trellis: the answer is not JSON: \(error)")
            throw ExitCodes.failed
        }
    }
}

/// The conditions of `tap` and `logs`.
struct FilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Records of this mesh.", valueName: "name"))
    var mesh: String?

    @Option(help: ArgumentHelp("Records written by this proxy, such as colors/front or blue#0.", valueName: "name"))
    var proxy: String?

    @Option(
        help: ArgumentHelp("Records of this node or gateway, as the proxy or as the destination.", valueName: "name"))
    var node: String?

    @Option(help: ArgumentHelp("Records of this route or gateway route.", valueName: "name"))
    var route: String?

    @Option(help: ArgumentHelp("200, 5xx or 400-499; several with commas. 0 is no answer.", valueName: "status"))
    var status: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Records with one of these response flags, such as UH,UF; - is none.", valueName: "flags"))
    var flags: [String] = []

    @Option(help: ArgumentHelp("Records whose path begins with this.", valueName: "prefix"))
    var path: String?

    func filter(headers: [String]) throws -> TapFilterText {
        do throws(FilterError) {
            return try TapFilterText(
                mesh: mesh, proxy: proxy, node: node, route: route, statuses: status, flags: flags, pathPrefix: path,
                headers: headers)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
