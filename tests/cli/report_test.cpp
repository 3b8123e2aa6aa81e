// SPDX-License-Identifier: MIT
// report: what is in the archive, what must not be, and machines that do not answer.
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include <vmfleet/io/files.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;

namespace {

const std::string kToken = "in a file of its own";
const std::string kSecret = "correct horse \"battery\"";

/// A folder `lab` with a machine `web`, which was given a secret; commands run in it.
struct Lab : Vmfleet {
  Lab() {
    std::filesystem::create_directory(folder() / "lab");
    std::ofstream(folder() / "lab/vmfleet.toml")
        << "[machine.web]\naccel = \"tcg\"\nmemory = \"32M\"\nkernel = \""
        << environment.at("VMFLEET_TESTKIT_DIR") << "/marker.elf\"\nssh = {}\n"
        << "ready = { serial = \"vmfleet: guest ready\" }\n"
        << "[[machine.web.inject]]\nvia = \"credential\"\npath = \"pass\"\n"
        << "text = '''user: web\n"
        << kSecret << "\n'''\n"
        << "[[machine.web.inject]]\nvia = \"credential\"\npath = \"token\"\n"
        << "source = \"token\"\n";
    std::ofstream(folder() / "lab/token") << kToken << "\n";
  }
  void up() const {
    const Ran up = in_lab("vmfleet up --progress none");
    INFO(up.out);
    REQUIRE(up.code == 0);
  }
  Ran in_lab(const std::string& line) const { return shell("cd lab\n" + line); }
  [[nodiscard]] std::filesystem::path machine() const { return state() / "lab/web"; }

  /// The names of its entries; they are unpacked into `unpacked`.
  std::vector<std::string> report(const std::string& more = "") const {
    const Ran ran =
        in_lab("rm -rf ../unpacked; mkdir ../unpacked\nfile=$(vmfleet report -q " + more +
               ") && tar -xzf \"$file\" -C ../unpacked --strip-components=1 &&\n"
               "cd ../unpacked && find . -type f | sed 's|^./||' | sort");
    INFO(ran.out);
    REQUIRE(ran.code == 0);
    std::vector<std::string> names;
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) names.push_back(line);
    return names;
  }
  [[nodiscard]] std::string part(const std::string& name) const {
    return files::read(folder() / "unpacked" / name);
  }
  [[nodiscard]] std::string everything(const std::vector<std::string>& names) const {
    std::string all;
    for (const auto& name : names) all += name + "\n" + part(name);
    return all;
  }
};

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("report has all that is known of the host, the fleet and each machine") {
  const Lab lab;
  lab.up();
  const auto names = lab.report();
  for (const char* name :
       {"version.json", "doctor.json", "host.json", "config.json", "ps.json", "web/intent.json",
        "web/state.json", "web/cmdline.txt", "web/inspect.json", "web/qmp.json", "web/events.log",
        "web/serial.log", "web/qemu.err"}) {
    INFO(name);
    CHECK(has(names, name));
  }
  CHECK_FALSE(has(names, "problems.txt"));
  CHECK_THAT(lab.part("web/serial.log"), ContainsSubstring("vmfleet: guest ready"));
  CHECK_THAT(lab.part("web/cmdline.txt"), ContainsSubstring("marker.elf"));
  CHECK(json::parse(lab.part("web/qmp.json"))->operator[]("query-status").flag("running", false));
  CHECK(json::parse(lab.part("ps.json"))->integer("ready", 0) == 1);
}

TEST_CASE("no secret is in a report, also when the guest has printed it") {
  const Lab lab;
  lab.up();
  std::ofstream(lab.machine() / "serial.log", std::ios::app) << "login: " << kSecret << "\r\n"
                                                             << kToken << "\r\n";
  REQUIRE_THAT(files::read(lab.machine() / "intent.json"), ContainsSubstring("correct horse"));
  const std::string key = files::read(lab.state() / ".ssh/id_ed25519");
  const auto names = lab.report();
  const std::string all = lab.everything(names);
  CHECK_THAT(lab.part("web/serial.log"), ContainsSubstring("login: (injected)"));
  CHECK_THAT(lab.part("web/intent.json"), ContainsSubstring("bytes)"));
  CHECK_THAT(all, !ContainsSubstring("correct horse"));
  CHECK_THAT(all, !ContainsSubstring(kToken));
  CHECK_THAT(all, !ContainsSubstring("user: web"));
  CHECK_THAT(all, !ContainsSubstring("PRIVATE KEY"));
  CHECK_THAT(all, !ContainsSubstring(key.substr(100, 40)));
}

TEST_CASE("report does not wait for a QEMU that hangs, and says what is missing for it") {
  const Lab lab;
  lab.up();
  const auto pid = static_cast<pid_t>(
      lab.document({"ps", "-p", "lab"})["machines"].as_array()->at(0).integer("pid", 0));
  REQUIRE(pid > 0);
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  const auto names = lab.report();
  CHECK(::kill(pid, SIGCONT) == 0);
  CHECK_FALSE(has(names, "web/qmp.json"));
  CHECK(has(names, "web/serial.log"));
  CHECK_THAT(lab.part("problems.txt"), ContainsSubstring("web/qmp.json: "));
}

TEST_CASE("report tells of what is damaged, and has the rest") {
  const Lab lab;
  lab.up();
  REQUIRE(lab.in_lab("vmfleet stop --grace 0ms").code == 0);
  std::filesystem::remove(lab.folder() / "lab/vmfleet.toml");  // which would tell the secret
  std::ofstream(lab.machine() / "intent.json") << "{\"text\": \"" << kSecret;
  std::filesystem::remove(lab.machine() / "qemu.err");
  std::filesystem::create_directory(lab.machine() / "qemu.err");
  const Ran told = lab.in_lab("vmfleet report -p lab -o told.tar.gz");
  CHECK(told.code == 0);
  CHECK_THAT(told.out, ContainsSubstring("warning: no web/intent.json"));
  const auto names = lab.report("-p lab");
  CHECK(has(names, "web/serial.log"));
  CHECK_THAT(lab.part("problems.txt"), ContainsSubstring("web/intent.json"));
  CHECK_THAT(lab.part("problems.txt"), ContainsSubstring("web/qemu.err"));
  CHECK_THAT(lab.everything(names), !ContainsSubstring("correct horse"));
}

TEST_CASE("report works where no machine is, and where the fleet file is wrong") {
  const Lab lab;
  CHECK_THAT(lab.everything(lab.report()),
             ContainsSubstring("machines: fleet 'lab' has no machines"));
  std::ofstream(lab.folder() / "lab/vmfleet.toml") << "fleet = \"lab\"\nmachine = 1\n";
  const auto names = lab.report();
  CHECK(has(names, "doctor.json"));
  CHECK_THAT(lab.part("problems.txt"), ContainsSubstring("config.json: "));
}

TEST_CASE("report replaces no file, and finds a name of its own") {
  const Lab lab;
  const Ran first = lab.in_lab("vmfleet report -q");
  const auto path = lab.folder() / "lab/vmfleet-report-lab.tar.gz";
  CHECK(first.out == path.string() + "\n");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const std::string content = files::read(path);
  const Ran refused = lab.in_lab("vmfleet report -o vmfleet-report-lab.tar.gz");
  CHECK(refused.code == 5);
  CHECK(lab.in_lab("vmfleet report -o missing/report.tar.gz").code == 2);
  CHECK(lab.in_lab("vmfleet report nobody").code == 4);
  const Ran second = lab.in_lab("vmfleet report -q --json");
  const auto document = json::parse(second.out);
  REQUIRE(document);
  CHECK(document->text("schema") == "vmfleet.report/1");
  CHECK(document->text("path") == lab.folder() / "lab/vmfleet-report-lab-1.tar.gz");
  CHECK_FALSE(document->operator[]("entries").as_array()->empty());
  CHECK(files::read(path) == content);
  CHECK(lab.in_lab("ls -A").out ==
        "token\nvmfleet-report-lab-1.tar.gz\nvmfleet-report-lab.tar.gz\nvmfleet.toml\n");
}
