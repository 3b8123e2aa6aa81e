// SPDX-License-Identifier: MIT
// An intrusive doubly-linked list: linking and unlinking cannot fail and needs no memory.
#pragma once

namespace vmfleet::detail {

/// A member of at most one `List<Tag>` at a time; leaves it when destroyed.
template <class Tag>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class, class>
  friend class List;
  ListHook* next_ = nullptr;
  ListHook* previous_ = nullptr;
};

/// `T` derives from `ListHook<Tag>`. First in, first out.
template <class T, class Tag>
class List {
 public:
  List() noexcept { head_.next_ = head_.previous_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) pop_front();
    head_.next_ = nullptr;  // so that the head's own destructor finds nothing to unlink
  }

  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }
  void push_back(T& item) noexcept {
    ListHook<Tag>& hook = item;
    hook.previous_ = head_.previous_;
    hook.next_ = &head_;
    head_.previous_->next_ = &hook;
    head_.previous_ = &hook;
  }
  [[nodiscard]] T& front() noexcept { return static_cast<T&>(*head_.next_); }
  T& pop_front() noexcept {
    T& item = front();
    static_cast<ListHook<Tag>&>(item).unlink();
    return item;
  }
  /// `visit` must not unlink other members than the one it is given.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListHook<Tag>* hook = head_.next_; hook != &head_;) {
      ListHook<Tag>* next = hook->next_;
      visit(static_cast<T&>(*hook));
      hook = next;
    }
  }
  /// Moves all members behind those of `other`.
  void move_to(List& other) noexcept {
    while (!empty()) other.push_back(pop_front());
  }

 private:
  ListHook<Tag> head_;
};

}  // namespace vmfleet::detail
