// SPDX-License-Identifier: MIT
// The list `inject` of a description is made anew; elsewhere it goes by the lines of the texts.
#include "cli/injected_texts.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet::cli {

namespace {

/// Shorter ones are words of any log.
constexpr std::size_t kShortestSecret = 6;

/// As it stands in a JSON document.
std::string escaped(const std::string& line) {
  const std::string quoted = json::write(json::Value(line));
  return quoted.substr(1, quoted.size() - 2);
}

/// What is not to be seen of it. Other files are programs and settings rather than secrets.
std::string secret_in(const json::Value& injection, const std::filesystem::path& folder) {
  constexpr Bytes kLargestCredential = Bytes(64 << 10);
  const std::string_view source = injection.text("source");
  if (injection.text("via") != "credential" || source.empty()) {
    return std::string(injection.text("text"));
  }
  try {
    return files::read(folder / source, kLargestCredential);
  } catch (const Error&) {
    return {};  // it is not there any more
  }
}

}  // namespace

json::Value without_injected_texts(const json::Value& machine) {
  const json::Array* injections = machine["inject"].as_array();
  if (injections == nullptr) return machine;
  json::Array shown;
  for (const json::Value& injection : *injections) {
    const std::string* text = injection["text"].as_string();
    if (text == nullptr) {
      shown.push_back(injection);
      continue;
    }
    json::Object entry = *injection.as_object();
    entry.set("text", fmt::format("({} bytes)", text->size()));
    shown.emplace_back(std::move(entry));
  }
  json::Object description = *machine.as_object();
  description.set("inject", std::move(shown));
  return description;
}

json::Object fleet_without_injected_texts(const json::Value& fleet) {
  json::Array machines;
  for (const json::Value& machine : *fleet["machines"].as_array()) {
    machines.push_back(without_injected_texts(machine));
  }
  json::Object shown = *fleet.as_object();
  shown.set("machines", std::move(machines));
  return shown;
}

void InjectedTexts::learn(const json::Value& machine, std::string_view name,
                          const std::filesystem::path& folder) {
  const json::Array* injections = machine["inject"].as_array();
  if (injections == nullptr) return;
  for (const json::Value& injection : *injections) {
    const std::string secret = secret_in(injection, folder);
    for (const std::string_view piece : split(secret, '\n')) {
      const std::string line(trim(piece));
      if (line.size() < kShortestSecret || line == name) continue;
      lines_.insert(line);
      lines_.insert(escaped(line));
    }
  }
}

std::string InjectedTexts::blanked(std::string text) const {
  for (const std::string& line : lines_) {
    if (text.find(line) != std::string::npos) text = replace_all(text, line, "(injected)");
  }
  return text;
}

}  // namespace vmfleet::cli
