// SPDX-License-Identifier: MIT
// vmfleet doctor: whether this host can run machines, and what would help.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/machine/host_qemu.hpp>

#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/host_checks.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

std::string_view color_of(Check::Status status) noexcept {
  if (status == Check::Status::ok) return kGreen;
  return status == Check::Status::warn ? kYellow : kRed;
}

void print(const Context& context, const std::vector<Check>& checks) {
  for (const auto& check : checks) {
    const std::string status = fmt::format("{:<5}", word_of(check.status));
    context.out.write(fmt::format("{} {:<12} {}\n",
                                  context.out.paint(status, color_of(check.status)), check.name,
                                  sanitize(check.message)));
    if (check.status != Check::Status::ok && !check.hint.empty()) {
      context.out.write(fmt::format("{:19}hint: {}\n", "", sanitize(check.hint)));
    }
  }
}

void answer(const Context& context, const std::vector<Check>& checks, bool fit) {
  json::Array array;
  for (const auto& check : checks) {
    json::Object object;
    object.set("name", check.name);
    object.set("status", word_of(check.status));
    object.set("message", check.message);
    if (!check.hint.empty()) object.set("hint", check.hint);
    array.emplace_back(std::move(object));
  }
  json::Object document;
  document.set("schema", "vmfleet.doctor/1");
  document.set("fit", fit);
  document.set("checks", std::move(array));
  context.answer(std::move(document));
}

/// As `up` does before its first machine; nullopt without a QEMU to do it with.
Task<std::optional<KvmState>> try_kvm() {
  auto find = [] { return find_host_qemu("", parse_arch(host_arch()).value()); };
  Result<QemuBinary> binary = co_await offload(find);
  if (!binary) co_return std::nullopt;
  co_return co_await probe_kvm(*std::move(binary));
}

Task<int> doctor(Context& context) {
  const auto state_root = context.state_root();
  const auto cache_root = default_cache_root();
  const std::optional<KvmState> kvm = co_await try_kvm();
  auto look = [&] { return check_host(state_root, cache_root, kvm); };
  const std::vector<Check> checks = co_await offload(look);
  const bool fit = std::none_of(checks.begin(), checks.end(), [](const Check& check) {
    return check.status == Check::Status::fail;
  });
  if (context.globals.json) {
    answer(context, checks, fit);
  } else {
    print(context, checks);
  }
  co_return fit ? kDone : kHostUnfit;
}

}  // namespace

void add_doctor(Program& program) {
  CLI::App& app =
      program.command(group::kHost, "doctor", "check whether this host can run machines");
  program.runs(app, [](Context& context) { return doctor(context); });
}

}  // namespace vmfleet::cli
