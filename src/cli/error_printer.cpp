// SPDX-License-Identifier: MIT
// Errors in words.
#include "cli/error_printer.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

namespace {

std::string describe(const std::string& subject, const Error& error, const Stream& err) {
  std::string message = sanitize(error.message());
  // The machine's name is often the outermost context already, or the first word.
  if (message.rfind(subject + ": ", 0) != 0 && message.rfind(subject + " ", 0) != 0) {
    message = subject + ": " + message;
  }
  if (subject != "vmfleet") message = "vmfleet: " + message;
  std::string text = err.paint(message, kRed) + "\n";
  for (const auto& line : error.evidence()) {
    text += fmt::format("    {}\n", sanitize(line));
  }
  if (!error.hint().empty()) text += fmt::format("hint: {}\n", sanitize(error.hint()));
  return text;
}

}  // namespace

std::string describe_error(const Error& error, const Stream& err) {
  return describe("vmfleet", error, err);
}

std::string describe_error(const std::string& machine, const Error& error, const Stream& err) {
  return describe(machine, error, err);
}

json::Value error_document(json::Value error) {
  json::Object document;
  document.set("schema", "vmfleet.error/1");
  document.set("error", std::move(error));
  return document;
}

}  // namespace vmfleet::cli
