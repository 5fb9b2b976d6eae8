#if CommandLine
import Testing

@testable import BackstayTool

/// The parts of the command that decide without doing.
struct ToolPartsTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (1_735_689_599_000_001, "2024-12-31T23:59:59.000001Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
        ] as [(Int64, String)])
    func timeIsWrittenAsUTC(_ microseconds: Int64, _ text: String) {
        #expect(TextForm.time(microseconds) == text)
    }

    @Test func sizesAndDurationsKeepOneDecimal() {
        #expect(TextForm.bytes(1_023) == "1023 B")
        #expect(TextForm.bytes(1_536) == "1.5 KiB")
        #expect(TextForm.bytes(5 << 30) == "5.0 GiB")
        #expect(TextForm.duration(seconds: 0.0123) == "12.3 ms")
        #expect(TextForm.duration(seconds: 90) == "90.0 s")
        #expect(TextForm.tenths(-0.25) == "-0.3")
    }

    @Test(arguments: [
        (["set", "s", "k", "-5"], ["set", "--", "s", "k", "-5"]),
        (
            ["set", "s", "--json", "-k", "v", "--durability", "power"],
            ["set", "--json", "--durability", "power", "--", "s", "-k", "v"]
        ),
        (["get", "s", "--durability=power", "k"], ["get", "--durability=power", "--", "s", "k"]),
        (["get", "s", "--", "--json"], ["get", "--", "s", "--json"]),
        (["get", "-h"], ["get", "-h", "--"]),
        (["list", "s", "--prefix", "-"], ["list", "s", "--prefix", "-"]),
        ([], []),
    ])
    func onlyKnownOptionsAreOptionsBesideAKey(_ arguments: [String], _ expected: [String]) {
        #expect(Arguments.reordered(arguments) == expected)
    }

    @Test(arguments: [
        ("/", "ext4"), ("/data", "xfs"), ("/data/s", "xfs"), ("/database", "ext4"), ("/mnt/my disk/s", "nfs4"),
        ("/over/s", "tmpfs"), ("/home/me/s", "fuse.sshfs"),
    ])
    func fileSystemIsThatOfTheLongestMountPoint(_ path: String, _ name: String) {
        let mounts = """
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            30 22 8:2 / /data rw shared:2 master:3 - xfs /dev/sda2 rw
            31 22 0:40 / /mnt/my\\040disk rw - nfs4 server:/x rw
            32 22 0:41 / /over rw - overlay overlay rw
            33 22 0:42 / /over rw - tmpfs tmpfs rw
            34 22 0:43 / /home/me rw - fuse.sshfs me@there: rw
            broken line
            """
        #expect(FileSystem.name(of: path, mounts: mounts) == name)
    }

    @Test func networkFileSystemsAreCalledOut() {
        for name in ["nfs4", "cifs", "fuse.sshfs", "9p"] { #expect(FileSystem(name: name).kind == .network) }
        #expect(FileSystem(name: "ext4").kind == .local)
        #expect(FileSystem(name: "tmpfs").kind == .memory)
        #expect(FileSystem(name: "somethingfs").kind == .unknown)
    }

    @Test func jsonKeepsOrderAndEscapes() {
        let json: JSON = ["b": .string("\"\n"), "a": .array([.null, .double(.nan), .uint(.max)]), "o": .object([])]
        var bytes: [UInt8] = []
        json.append(to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "{\"b\":\"\\\"\\n\",\"a\":[null,null,18446744073709551615],\"o\":{}}")
    }
}
#endif
