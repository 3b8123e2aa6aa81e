// SPDX-License-Identifier: MIT
// OptionList, and CommandLine's text forms.
#include "qemu/option_list.hpp"

#include <vmfleet/base/text.hpp>

namespace vmfleet {

std::string CommandLine::to_shell() const {
  return shell_join(argv);
}

std::string CommandLine::to_text() const {
  std::string text;
  auto next_option = option_indices.begin();
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (next_option != option_indices.end() && *next_option == i) {
      text += " \\\n  ";
      ++next_option;
    } else if (i > 0) {
      text += ' ';
    }
    text += shell_quote(argv[i]);
  }
  return text + '\n';
}

namespace qemu {

std::string double_commas(std::string_view text) {
  std::string doubled;
  doubled.reserve(text.size());
  for (const char c : text) doubled.append(c == ',' ? 2 : 1, c);
  return doubled;
}

OptionList::OptionList(std::string binary) {
  line_.argv.push_back(std::move(binary));
}

void OptionList::begin(std::string_view option) {
  line_.option_indices.push_back(line_.argv.size());
  line_.argv.emplace_back(option);
}

void OptionList::flag(std::string_view option) {
  begin(option);
}

void OptionList::plain(std::string_view option, std::string_view value) {
  begin(option);
  line_.argv.emplace_back(value);
}

void OptionList::keyed(std::string_view option, std::string_view head,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string value(head);
  for (const auto& [key, text] : pairs) {
    if (!value.empty()) value += ',';
    value += key;
    value += '=';
    value += double_commas(text);
  }
  plain(option, value);
}

void OptionList::json(std::string_view option, const json::Object& value) {
  plain(option, json::write(value));
}

void OptionList::words(const std::vector<std::string>& verbatim) {
  for (const auto& word : verbatim) {
    if (!word.empty() && word[0] == '-') {
      begin(word);
    } else {
      line_.argv.push_back(word);
    }
  }
}

}  // namespace qemu
}  // namespace vmfleet
