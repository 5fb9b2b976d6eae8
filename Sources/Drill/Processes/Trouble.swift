/// What keeps a drill from going on, or a child: nothing that is said about the store.
package struct Trouble: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}
