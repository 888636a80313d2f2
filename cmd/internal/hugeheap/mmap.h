void small_heap(void);
