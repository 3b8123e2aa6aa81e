// SPDX-License-Identifier: MIT
// What needs waiting for is asked first; then the archive is packed in another thread.
#include "cli/bug_report.hpp"

#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <image/staged_file.hpp>
#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/qmp/client.hpp>

#include "cli/doctor_document.hpp"
#include "cli/each_machine.hpp"
#include "cli/report_packer.hpp"

namespace vmfleet::cli {

namespace {

constexpr Milliseconds kQemuPatience(3'000);
constexpr std::array<const char*, 4> kQuestions = {"query-version", "query-status", "query-block",
                                                   "query-chardev"};

using Answers = std::map<std::string, json::Object>;

Task<void> ask_qemu(std::filesystem::path directory, json::Object* answers) {
  if (!is_alive(InstanceDirectory::open(directory))) co_return;
  qmp::ClientOptions options;
  options.greeting_timeout = options.command_timeout = kQemuPatience;
  qmp::Client client = co_await qmp::Client::connect(directory / instance_file::kControl, options);
  for (const char* question : kQuestions) {
    const qmp::Reply reply = co_await client.try_execute(question);
    answers->set(question, reply.ok() ? reply.value : json::Value(reply.error->description));
  }
}

Task<void> ask_or_tell(std::string name, std::filesystem::path directory, json::Object* answers,
                       ReportPacker& packer) {
  try {
    co_await ask_qemu(std::move(directory), answers);
  } catch (const Error& error) {
    packer.lacks(name + "/qmp.json", error);
  }
}

/// All at once: several may hang.
Task<Answers> ask_all(const Context& context, const std::vector<std::string>& machines,
                      ReportPacker& packer) {
  Answers answers;
  const MachineWork work = [&](const std::string& name, std::filesystem::path directory) {
    return ask_or_tell(name, std::move(directory), &answers[name], packer);
  };
  co_await for_each_machine(context, machines, work);
  co_return answers;
}

/// Where machines that were not named cannot be found, the rest may tell why.
std::vector<std::string> select_for_report(const Context& context,
                                           const std::vector<std::string>& names,
                                           ReportPacker& packer) {
  if (!names.empty()) return context.select(names);
  try {
    return context.select({});
  } catch (const Error& error) {
    packer.lacks("machines", error);
    return {};
  }
}

std::filesystem::path free_name(const std::filesystem::path& wanted, std::size_t attempt) {
  if (attempt == 0) return wanted;
  constexpr std::string_view kEnding = ".tar.gz";
  std::string name = wanted.string();
  name.resize(name.size() - kEnding.size());
  return fmt::format("{}-{}{}", name, attempt, kEnding);
}

Error taken(const std::filesystem::path& path) {
  return Error(ErrorKind::conflict, path.string() + " is there already")
      .hint("name another file with -o");
}

std::filesystem::path target_of(const std::string& file, const std::string& fleet) {
  const auto path = std::filesystem::absolute(
      file.empty() ? fmt::format("vmfleet-report-{}.tar.gz", fleet) : file);
  std::error_code ignored;
  if (!file.empty() && std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    throw taken(path);
  }
  if (path.has_filename() && std::filesystem::is_directory(path.parent_path(), ignored)) {
    return path;
  }
  throw Error(ErrorKind::invalid_config, "no folder " + path.parent_path().string());
}

std::filesystem::path commit(image::StagedFile& file, bool is_named) {
  for (std::size_t attempt = 0;; ++attempt) {
    const auto name = free_name(file.target(), attempt);
    if (file.commit_as(name)) return name;
    if (is_named) throw taken(name);
  }
}

}  // namespace

Task<BugReport> write_bug_report(const Context& context, std::vector<std::string> names,
                                 std::string file) {
  const std::string fleet = context.fleet_name();
  image::StagedFile archive(target_of(file, fleet), 0600);
  ReportPacker packer(archive.fd(), "vmfleet-report-" + fleet);
  const auto machines = select_for_report(context, names, packer);
  try {
    const auto checks = co_await examine_host(context);
    packer.add_document("doctor.json", doctor_document(checks));
  } catch (const Error& error) {
    packer.lacks("doctor.json", error);
  }
  const Answers answers = co_await ask_all(context, machines, packer);
  BugReport report;
  auto pack = [&] {
    packer.learn_texts(context, machines);
    packer.add_host(context);
    packer.add_fleet(context, machines);
    for (const auto& [name, answer] : answers) packer.add_machine(context, name, answer);
    packer.finish();
    report.path = commit(archive, !file.empty());
  };
  co_await offload(pack);
  report.entries = packer.entries();
  report.problems = packer.problems();
  co_return report;
}

}  // namespace vmfleet::cli
