import Reactor

// How a handler that works on another thread finds its way back. The work may end long after its request: the client left,
// the connection was reset, the worker stopped. The ticket therefore holds the stream weakly, hands it out on the worker's
// thread only, and only while somebody still waits for the answer. A stream object serves one request, so a ticket can
// never reach a later one.

extension LocalHandlerStream {
    /// The way back to one request, for any thread.
    public struct Ticket: Sendable {
        private let mailbox: Mailbox
        private let reference: Reference

        fileprivate init(_ stream: LocalHandlerStream) {
            mailbox = stream.worker.loop.mailbox
            reference = Reference(stream)
        }

        /// Runs `body` on the worker's thread, unless nobody waits for the answer any more.
        public func post(_ body: @escaping @Sendable (LocalHandlerStream) -> Void) {
            mailbox.post { [reference] in
                guard let stream = reference.stream, stream.isOpen else { return }
                body(stream)
            }
        }
    }

    /// A ticket for this request; to be taken on the worker's thread.
    public final var ticket: Ticket { Ticket(self) }

    /// `@unchecked Sendable`: the reference is written once, before anybody else has it, and followed on the worker's
    /// thread only.
    private final class Reference: @unchecked Sendable {
        private(set) weak var stream: LocalHandlerStream?
        init(_ stream: LocalHandlerStream) { self.stream = stream }
    }
}
