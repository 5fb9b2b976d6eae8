import TestSupport

/// The command `backstay`, built beside the test bundle: what the drill runs as its children.
let builtCommand = TestBundle.folder + "/backstay"
