// SPDX-License-Identifier: MIT
// Every way into a guest, asked of the guest: Linux on x86_64 and aarch64 says what it finds.
#include <sys/stat.h>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/fleet/ssh_key.hpp>
#include <vmfleet/image/initrd.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/in_guest.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr std::size_t kLargeCredential = 20'000;

// A tool puts a text in front of a disk's copy, another one an archive behind the initrd; both
// write down that they ran.
const std::string kFleetFile = R"(
image = "tiny"
accel = "tcg"
ssh = { user = "root" }
ready = { serial = "vmfleet: guest ready", agent = true, ssh = true, timeout = "120s" }
[[machine.vm.disk]]
file = "disk.img"
mode = "copy"
id = "data"
[[machine.vm.inject]]
via = "initrd"
path = "/etc/greeting"
text = "hello {name}"
[[machine.vm.inject]]
via = "initrd"
path = "/root/program"
source = "program"
[[machine.vm.inject]]
via = "fw_cfg"
path = "lab/note"
text = "by the firmware"
[[machine.vm.inject]]
via = "credential"
path = "token"
text = "s3cret"
[[machine.vm.inject]]
via = "credential"
path = "large"
source = "large"
[[machine.vm.inject]]
via = "cloud-init"
path = "network-config"
text = "version: 2\n"
[[machine.vm.inject]]
via = "tool"
command = ["sh", "-c", "echo disk >> runs; dd if=\"$1\" of=\"$2\" conv=notrunc status=none", "-", "{source}", "{disk:data}"]
text = "from the tool"
[[machine.vm.inject]]
via = "tool"
command = ["sh", "-c", "echo initrd >> runs; cat \"$1\" >> \"$2\"", "-", "{source}", "{initrd}"]
source = "more.cpio"
)";

class Lab {
 public:
  explicit Lab(const std::string& arch) : arch_(arch) {
    files::write_atomically(root / "disk.img", std::string(1 << 20, '.'));
    files::write_atomically(root / "program", "#!/bin/sh\necho the program ran\n", 0755);
    files::write_atomically(root / "large", std::string(kLargeCredential, 'x'));
    InitrdWriter more;
    more.file("etc/more", "more by a tool");
    files::write_atomically(root / "more.cpio", std::move(more).finish());
  }

  [[nodiscard]] FleetSpec spec() const {
    SpecOptions options;
    options.state_root = root / "state";
    options.fleet = "demo";
    return FleetSpec::parse("[machine.vm]\narch = \"" + arch_ + "\"" + kFleetFile,
                            root / "vmfleet.toml", SpecFormat::toml, options);
  }
  [[nodiscard]] std::string runs() const { return files::read(root / "runs"); }

  TempDir root;

 private:
  std::string arch_;
};

void require_up(const FleetReport& report) {
  for (const auto& machine : report.machines) {
    if (!machine.error) continue;
    std::string all = machine.error->message();
    for (const auto& line : machine.error->evidence()) all += "\n" + line;
    FAIL(all);
  }
  REQUIRE(report.ready() == report.machines.size());
}

std::string hex_of(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

/// Logs in with the recorded key, and gives what the command says there.
Task<std::string> over_ssh(SshLogin login, PortForward port, std::string command) {
  std::vector<std::string> argv{"ssh",
                                "-F",
                                "/dev/null",
                                "-i",
                                login.key,
                                "-o",
                                "BatchMode=yes",
                                "-o",
                                "IdentitiesOnly=yes",
                                "-o",
                                "StrictHostKeyChecking=no",
                                "-o",
                                "UserKnownHostsFile=/dev/null",
                                "-o",
                                "LogLevel=ERROR",
                                "-p",
                                std::to_string(port.host_port),
                                login.user + "@127.0.0.1",
                                std::move(command)};
  ProcessOptions options(std::move(argv));
  const ProcessOutput output = co_await run_process(std::move(options));
  INFO(output.err);
  REQUIRE(output.status.success());
  co_return output.out;
}

const std::string kCredentials = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials";
/// Base64 keeps a credential of SMBIOS one word among NUL bytes.
const std::string kAskSmbios =
    "tr '\\0' '\\n' </sys/firmware/dmi/entries/11-0/raw >/tmp/11; "
    "echo token: $(sed -n 's/^.*credential.binary:token=//p' /tmp/11 | base64 -d).; "
    "echo large: $(sed -n 's/^.*credential.binary:large=//p' /tmp/11 | base64 -d | wc -c).; "
    "echo root: $(sed -n 's/^.*authorized_keys.root=//p' /tmp/11 | base64 -d).; ";
const std::string kAskFirmware =
    "echo token: $(cat " + kCredentials + "/token/raw).; echo large: $(wc -c <" + kCredentials +
    "/large/raw).; echo root: $(cat " + kCredentials + "/ssh.authorized_keys.root/raw).; ";
const std::string kAskRest =
    "echo greeting: $(cat /etc/greeting).; /root/program; "
    "echo modes: $(stat -c %a /root /root/program /etc).; echo more: $(cat /etc/more).; "
    "fw=/sys/firmware/qemu_fw_cfg/by_name/opt; echo note: $(cat $fw/lab/note/raw).; "
    "echo entropy: $(od -An -v -tx1 $fw/vmfleet/entropy/raw | tr -d ' \\n').; "
    "for disk in /dev/vd?; do echo starts: $(dd if=$disk bs=13 count=1 2>/dev/null | tr -d "
    "'\\0').; "
    "at=/run/iso; mkdir -p $at; if mount -o ro -t iso9660 $disk $at; then "
    "echo files: $(ls $at).; cat $at/*; umount $at; fi; done 2>/dev/null; "
    "echo asked";

Task<void> ask(Machine* machine, bool smbios) {
  const std::string key = read_public_key(ssh_login(machine->directory())->key);
  co_await in_guest(*machine, (smbios ? kAskSmbios : kAskFirmware) + kAskRest);
  Readiness answers;
  answers.timeout = Milliseconds(60'000);
  answers.serial = {"token: s3cret.",
                    fmt::format("large: {}.", kLargeCredential),
                    "root: " + key + ".",
                    "greeting: hello vm.",
                    "the program ran",
                    "modes: 700 755 755.",
                    "more: more by a tool.",
                    "note: by the firmware.",
                    "entropy: " + hex_of(files::read(machine->directory() / "entropy")) + ".",
                    "starts: from the tool.",
                    "files: meta-data network-config user-data.",
                    "instance-id: " + machine->uuid(),
                    "local-hostname: vm",
                    "  - \"" + key + "\"",
                    "asked"};
  co_await machine->wait_for(answers);
}

Task<void> inject_everything(std::string arch, bool smbios) {
  ProcessLeakGuard guard;
  const Lab lab(arch);
  Fleet fleet(lab.root / "state", "demo");
  const FleetReport up = co_await fleet.up(lab.spec());
  require_up(up);
  const auto directory = fleet.directory_of("vm");
  {
    Machine machine = co_await Machine::adopt(directory);
    co_await ask(&machine, smbios);
    const SshLogin login = *ssh_login(directory);
    const std::string said = co_await over_ssh(login, machine.port("ssh"), "cat /etc/greeting");
    REQUIRE(said == "hello vm");
  }
  REQUIRE(lab.runs() == "disk\ninitrd\n");
  // No text of the fleet file is among QEMU's arguments, where other users could read it.
  const auto pid = inspect_machine(directory).pid.value();
  const std::string argv = files::read(fmt::format("/proc/{}/cmdline", pid));
  for (const char* text : {"s3cret", "by the firmware", "hello"}) {
    REQUIRE(argv.find(text) == std::string::npos);
  }
  const std::string entropy = files::read(directory / "entropy");

  const FleetReport again = co_await fleet.restart();
  require_up(again);
  REQUIRE(lab.runs() == "disk\ninitrd\ninitrd\n");  // the disk was kept
  REQUIRE(files::read(directory / "entropy") != entropy);
  const FleetReport down = co_await fleet.down();
  REQUIRE(down.failed() == 0);
  REQUIRE_FALSE(std::filesystem::exists(directory));
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a guest on x86_64 finds what was put into it, on every way") {
  co_await inject_everything("x86_64", true);
}

VMFLEET_ASYNC_TEST_CASE("a guest on aarch64 finds what was put into it, on every way") {
  co_await inject_everything("aarch64", false);
}
