// SPDX-License-Identifier: MIT
// A line for each.
#include "cli/garbage_printer.hpp"

#include <string>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/exit_code.hpp"
#include "cli/sizes.hpp"

namespace vmfleet::cli {

namespace {

json::Value list_of(const std::vector<Garbage>& garbage) {
  json::Array list;
  for (const Garbage& one : garbage) list.push_back(one.to_json());
  return list;
}

json::Value document_of(const GarbageReport& report, std::string_view schema, bool dry_run) {
  json::Object document;
  document.set("schema", schema);
  document.set("dry_run", dry_run);
  document.set("removed", list_of(report.removed));
  document.set("kept", list_of(report.kept));
  document.set("bytes", report.size().count());
  return document;
}

std::string line_of(const Garbage& garbage) {
  const std::string what = garbage.pid
                               ? fmt::format("pid {} of {}", *garbage.pid, garbage.path.string())
                               : garbage.path.string();
  return fmt::format("{} {} ({}): {}", to_string(garbage.kind), sanitize(what),
                     rounded(garbage.size), sanitize(garbage.reason));
}

}  // namespace

void tell_garbage(const Context& context, const GarbageReport& report, std::string_view schema,
                  bool dry_run) {
  if (context.globals.json) return context.answer(document_of(report, schema, dry_run));
  for (const Garbage& garbage : report.removed) {
    context.out.write(
        fmt::format("{} {}\n", dry_run ? "would remove" : "removed", line_of(garbage)));
  }
  for (const Garbage& garbage : report.kept) context.say("kept " + line_of(garbage));
  context.say(report.removed.empty()
                  ? "nothing to remove"
                  : fmt::format("{} {}", rounded(report.size()), dry_run ? "to free" : "freed"));
}

int exit_code_of(const GarbageReport& report) noexcept {
  if (!report.failed()) return kDone;
  return report.removed.empty() ? kFailed : kPartly;
}

}  // namespace vmfleet::cli
