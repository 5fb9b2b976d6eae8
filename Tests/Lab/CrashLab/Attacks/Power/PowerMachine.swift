// An emulated machine with one drive: a kernel, a few first files, and a program that changes a store or reads it.
//
// Killing the emulator is a power cut for the machine: its memory is gone, and with it what its kernel had not given to the
// drive. What the drive had taken is in the image, flushed or not: this machine cannot show a flush that is missing, which
// the attack `blocks` does.
//
// The machine speaks by its serial console, a line each, as a child does over its pipe. The kernel has the NVMe driver and
// ext4 built in (Debian's package linux-image-cloud-amd64); virtio comes as modules. .ci/power-machine fetches and builds
// what is in the machine's folder.

internal import Drill
internal import WriteAheadJournal
internal import SystemC

package struct PowerMachine {
    static let emulator = "qemu-system-x86_64"
    /// How to get what is missing.
    private static let remedy = "run .ci/power-machine"
    /// Where its files are, unless it is said otherwise.
    package static let usualFolder = ".build/power-machine"
    /// What the command line has to say of it.
    static func options(_ folder: String) -> [String] { folder == usualFolder ? [] : ["--machine \(folder)"] }
    /// Where it mounts its drive, and keeps its store.
    static let store = "/disk/s.backstay"
    /// Nanoseconds without a word after which a machine hangs. A boot takes some seconds, and more beside other work.
    static let patience: UInt64 = 45_000_000_000
    /// An emulated machine beside other work is slow: its programs are given longer than others.
    static let alarmSeconds: UInt32 = 600
    /// What the kernel needs for a virtio drive, in the order in which it takes them.
    private static let modules = [
        "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk",
    ]

    /// Its drive.
    enum Drive {
        /// NVMe, which the kernel has built in.
        case plain(image: String)
        /// virtio, and QEMU writes down what it is sent (DriveLog.swift). Not NVMe: of its writes QEMU does not note which
        /// are to be durable by themselves.
        case logged(image: String, log: String)

        fileprivate var arguments: [String] {
            switch self {
            case .plain(let image):
                [
                    "-drive", "file=\(image),format=raw,if=none,id=d,cache=writeback", "-device",
                    "nvme,drive=d,serial=lab",
                ]
            case .logged(let image, let log):
                [
                    "-blockdev", "driver=file,filename=\(image),node-name=image",
                    "-blockdev", "driver=file,filename=\(log),node-name=log",
                    "-blockdev",
                    "driver=blklogwrites,file=image,log=log,log-sector-size=512,log-super-update-interval=1,node-name=d",
                    "-device", "virtio-blk-pci,drive=d,write-cache=on",
                ]
            }
        }
    }

    private let executable: String
    private let folder: String
    private let firstFiles: String

    /// Nil where the machine can be had; else what is missing.
    static func missing(in folder: String) -> String? {
        if SystemCommand.path(of: emulator) == nil { return "there is no \(emulator): \(remedy)" }
        let modules = modules.map { "modules/\($0).ko" }
        for name in ["kernel", "busybox", "guest"] + modules where access("\(folder)/\(name)", R_OK) != 0 {
            return "there is no \(folder)/\(name): \(remedy)"
        }
        return nil
    }

    /// Puts the first files together, in the folder `place`.
    init(folder: String, place: String) throws {
        guard let executable = SystemCommand.path(of: Self.emulator),
            let shell = Files.contents("\(folder)/busybox", limit: 64 << 20),
            let guest = Files.contents("\(folder)/guest", limit: 256 << 20)
        else { throw Trouble(description: "the machine in \(folder) cannot be read") }
        self.executable = executable
        self.folder = folder
        firstFiles = place + "/first-files"
        var files = FirstFiles()
        for name in ["bin", "dev", "proc", "disk", "modules"] { files.add(folder: name) }
        for name in Self.modules {
            let path = "\(folder)/modules/\(name).ko"
            guard let module = Files.contents(path, limit: 64 << 20) else { throw Files.failure("reading", path) }
            files.add(program: "modules/\(name).ko", module)
        }
        files.add(program: "bin/busybox", shell)
        files.add(program: "guest", guest)
        files.add(program: "init", Array(Self.first.utf8))
        files.end()
        try ScratchFiles.write(files.bytes, to: firstFiles)
    }

    /// The machine's first process. Words for the guest are on the kernel's command line; the kernel passes words with a
    /// point over.
    private static let first = """
        #!/bin/busybox sh
        b=/bin/busybox
        $b mount -t proc proc /proc
        $b mount -t devtmpfs dev /dev
        $b stty -F /dev/console raw -echo
        drive=/dev/nvme0n1
        case " $($b cat /proc/cmdline) " in
            *" drive.virtio "*)
                for module in \(modules.joined(separator: " ")); do $b insmod /modules/$module.ko || $b poweroff -f; done
                drive=/dev/vda ;;
        esac
        until [ -b $drive ]; do $b usleep 5000; done
        if ! $b mount -t ext4 $drive /disk; then echo 't the disk cannot be mounted'; $b poweroff -f; fi
        set --
        for word in $($b cat /proc/cmdline); do
            case $word in lab.*) set -- "$@" "${word#lab.}" ;; esac
        done
        echo 'p opening'
        /guest --drill-child "$@"
        status=$?
        $b umount /disk
        # Whoever reads wants to know that all has been said.
        [ $status = 0 ] || echo "t the guest ended with status $status"
        $b usleep 200000
        $b poweroff -f

        """

    /// Starts it with a drive. Its console is what the child says.
    func start(_ role: ChildRole, _ drive: Drive, errors: String) throws -> ChildProcess {
        var words = role.arguments.dropFirst().map { "lab.\($0)" }.joined(separator: " ")
        if case .logged = drive { words += " drive.virtio" }
        let arguments =
            [
                "-nodefaults", "-no-user-config", "-display", "none", "-m", "256", "-no-reboot", "-accel", "tcg",
                "-cpu", "qemu64,+rdrand,+ssse3,+sse4.1,+sse4.2,+popcnt", "-M", "pc", "-bios", "qboot.rom",
                "-kernel", folder + "/kernel", "-initrd", firstFiles, "-serial", "stdio", "-monitor", "none",
                "-append",
                "console=ttyS0,115200 quiet loglevel=0 panic=-1 nokaslr mitigations=off 8250.nr_uarts=1 random.trust_cpu=on "
                    + "tsc=reliable no_timer_check " + words,
            ] + drive.arguments
        return try ChildProcess(executable: executable, arguments: arguments, errors: errors, isConsole: true)
    }
}
