/// Every limit of the module in one place. Patterns come from files and texts from the network, so each of the
/// numbers bounds what one of the two can make a worker spend.
public enum PatternLimits {
    /// Instructions of one compiled program: byte ranges, branches and assertions.
    public static let instructions = 10_000
    /// Groups open at the same time, and repetitions inside one another. RE2 has no such limit; ours keeps recursion
    /// over the syntax tree within half a megabyte of stack.
    public static let nesting = 100
    /// Largest count in `x{n,m}`, and largest product of nested counts (RE2, "Implementation restriction").
    public static let repetitions = 1_000
    /// Length of a pattern's source in bytes of UTF-8.
    public static let sourceBytes = 65_536
    /// Bytes one pattern's automaton may occupy in one scratch before it is thrown away and built anew.
    static let automatonBytes = 512 << 10
    /// Bytes all automata of one scratch may occupy together. Beyond it unused ones go; if none is unused, patterns
    /// without an automaton are simulated, which is slower but needs no memory.
    static let scratchBytes = 32 << 20
    /// A search that has filled an automaton must read this many bytes per state it built before it may do so
    /// again; below that, building states costs more than it saves and the rest of the text is simulated.
    static let bytesPerStateMin = 10
}
