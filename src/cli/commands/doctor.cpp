// SPDX-License-Identifier: MIT
// vmfleet doctor: whether this host can run machines, and what would help.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/commands/commands.hpp"
#include "cli/doctor_document.hpp"
#include "cli/exit_code.hpp"
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

Task<int> doctor(Context& context) {
  const std::vector<Check> checks = co_await examine_host(context);
  if (context.globals.json) {
    context.answer(doctor_document(checks));
  } else {
    print(context, checks);
  }
  co_return is_fit(checks) ? kDone : kHostUnfit;
}

}  // namespace

void add_doctor(Program& program) {
  CLI::App& app =
      program.command(group::kHost, "doctor", "check whether this host can run machines");
  program.runs(app, [](Context& context) { return doctor(context); });
}

}  // namespace vmfleet::cli
