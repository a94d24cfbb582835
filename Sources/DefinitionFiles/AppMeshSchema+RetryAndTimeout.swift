// The schema of retry policies and timeouts. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let httpRetryPolicy = Shape<HttpRetryPolicy>.object(
        HttpRetryPolicy(maxRetries: 0, perRetryTimeout: DurationSpec()),
        [
            .optional("httpRetryEvents", \.httpRetryEvents, .list(.httpRetryEvent, count: 1...25)),
            .required("maxRetries", \.maxRetries, .integer(0...Int.max)),
            .required("perRetryTimeout", \.perRetryTimeout, durationSpec),
            .optional("tcpRetryEvents", \.tcpRetryEvents, .list(.choice, count: 1...1)),
        ])

    static let grpcRetryPolicy = Shape<GrpcRetryPolicy>.object(
        GrpcRetryPolicy(maxRetries: 0, perRetryTimeout: DurationSpec()),
        [
            .optional("grpcRetryEvents", \.grpcRetryEvents, .list(.choice, count: 1...5)),
            .optional("httpRetryEvents", \.httpRetryEvents, .list(.httpRetryEvent, count: 1...25)),
            .required("maxRetries", \.maxRetries, .integer(0...Int.max)),
            .required("perRetryTimeout", \.perRetryTimeout, durationSpec),
            .optional("tcpRetryEvents", \.tcpRetryEvents, .list(.choice, count: 1...1)),
        ])

    static let httpTimeout = Shape<HttpTimeout>.object(
        HttpTimeout(),
        [
            .optional("idle", \.idle, durationSpec),
            .optional("perRequest", \.perRequest, durationSpec),
        ])

    static let tcpTimeout = Shape<TcpTimeout>.object(
        TcpTimeout(),
        [
            .optional("idle", \.idle, durationSpec)
        ])

    static let durationSpec = Shape<DurationSpec>.object(
        DurationSpec(),
        [
            .optional("unit", \.unit, .choice),
            .optional("value", \.value, .integer(0...Int.max)),
        ],
        rules: [Rules.durationIsComplete])
}
