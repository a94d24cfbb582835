// The schema of conditions on a request. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let httpPathMatch = Shape<HttpPathMatch>.object(
        HttpPathMatch(),
        [
            .optional("exact", \.exact, .pathStart(1...255)),
            .optional("regex", \.regex, .string(1...255)),
        ],
        rules: [Rules.pathMatchHasOne])

    static let httpRouteHeader = Shape<HttpRouteHeader>.object(
        HttpRouteHeader(name: ""),
        [
            .optional("invert", \.invert, .boolean),
            .optional("match", \.match, headerMatchMethod),
            .required("name", \.name, .string(1...50)),
        ])

    static let headerMatchMethod = Shape<HeaderMatchMethod>.union([
        .member("exact", HeaderMatchMethod.exact, .string(1...255)) {
            if case .exact(let value) = $0 { value } else { nil }
        },
        .member("prefix", HeaderMatchMethod.prefix, .string(1...255)) {
            if case .prefix(let value) = $0 { value } else { nil }
        },
        .member("range", HeaderMatchMethod.range, matchRange) { if case .range(let value) = $0 { value } else { nil } },
        .member("regex", HeaderMatchMethod.regex, .string(1...255)) {
            if case .regex(let value) = $0 { value } else { nil }
        },
        .member("suffix", HeaderMatchMethod.suffix, .string(1...255)) {
            if case .suffix(let value) = $0 { value } else { nil }
        },
    ])

    static let matchRange = Shape<MatchRange>.object(
        MatchRange(end: 0, start: 0),
        [
            .required("end", \.end, .integer()),
            .required("start", \.start, .integer()),
        ],
        rules: [Rules.rangeIsNotEmpty])

    static let httpQueryParameter = Shape<HttpQueryParameter>.object(
        HttpQueryParameter(name: ""),
        [
            .optional("match", \.match, queryParameterMatch),
            .required("name", \.name, .string()),
        ])

    static let queryParameterMatch = Shape<QueryParameterMatch>.object(
        QueryParameterMatch(),
        [
            .optional("exact", \.exact, .string())
        ],
        rules: [Rules.queryMatchHasExact])
}
