public enum ExitHooks {}
