// Three names exist both in the definitions and in the plan. This file does not see the plan and gives the definitions' types
// names of their own. (They cannot be qualified: the module `Definitions` holds a type of its own name.)

import Definitions

/// A socket address as a placement has it.
typealias DefinedAddress = NetworkAddress
/// The path condition of a Lattice rule.
typealias LatticePathMatch = PathMatch
/// A header condition of a Lattice rule.
typealias LatticeHeaderMatch = HeaderMatch
