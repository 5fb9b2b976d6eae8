import TestSupport

/// The command `lab`, built beside the test bundle: what attacks run as their children.
let builtLab = TestBundle.folder + "/lab"
