package lang

// skim tells in one quick pass whether text is certainly flat enough to be
// parsed. It gives up, and leaves the judgement to HCL's own scanner, as soon
// as anything is unusual: a heredoc, a line end in a string, a bracket that
// does not match.
type skim struct {
	data  []byte
	open  []byte // what is open: ( [ { and " for a string
	round int    // how many of them are ( or [
	chain int

	quotes int    // how many of open are "
	text   pieces // of the outermost string that is open, with all strings in it
	joins  int    // of all strings so far, at the most
}

// flat says that there is certainly no deep nesting and no long expression, and
// how much there is to join at the most.
func flat(data []byte) (joins int, ok bool) {
	s := skim{data: data, open: make([]byte, 0, mostDepth+1)}
	for i := 0; i < len(data); {
		n := s.step(i)
		if n == 0 || len(s.open) > mostDepth || s.chain > mostChain || s.joins > mostJoins {
			return 0, false
		}
		i += n
	}
	return s.joins, s.top() != '"'
}

func (s *skim) top() byte {
	if len(s.open) == 0 {
		return 0
	}
	return s.open[len(s.open)-1]
}

func (s *skim) next(i int) byte {
	if i+1 < len(s.data) {
		return s.data[i+1]
	}
	return 0
}

// step reads what is at i and says how long it was; 0 gives up.
func (s *skim) step(i int) int {
	if s.top() == '"' {
		return s.quoted(i)
	}
	switch b, after := s.data[i], s.next(i); {
	case b == '#', b == '/' && after == '/':
		return s.until(i, '\n')
	case b == '/' && after == '*', b == '<' && after == '<':
		return 0
	case b == '"' || b == '{' || b == '(' || b == '[':
		return s.push(b)
	case b == '}' || b == ')' || b == ']':
		return s.pop(b)
	case b == '\n':
		if s.round == 0 {
			s.chain = 0
		}
	case b == ',':
		s.chain = 0
	case operator(b):
		s.chain++
	}
	return 1
}

func (s *skim) quoted(i int) int {
	switch b, after := s.data[i], s.next(i); {
	case b == '\\':
		return 2
	case b == '\n':
		return 0
	case b == '"':
		s.unquote()
	case (b == '$' || b == '%') && after == b:
		return 0 // $${ is text, $$${ is not: rare enough
	case (b == '$' || b == '%') && after == '{':
		s.push('{')
		s.text.count += 2
		return 2
	default:
		s.text.add(b)
	}
	return 1
}

func (s *skim) unquote() {
	s.open = s.open[:len(s.open)-1]
	if s.quotes--; s.quotes == 0 {
		s.joins += s.text.joins()
		s.text = pieces{}
	}
}

func (s *skim) push(b byte) int {
	s.open = append(s.open, b)
	s.chain++
	if b == '"' {
		s.quotes++
	}
	if b == '(' || b == '[' {
		s.round++
	}
	return 1
}

func (s *skim) pop(b byte) int {
	t := s.top()
	if !(b == '}' && t == '{' || b == ')' && t == '(' || b == ']' && t == '[') {
		return 0
	}
	s.open = s.open[:len(s.open)-1]
	if b != '}' {
		s.round--
	}
	return 1
}

func (s *skim) until(i int, end byte) int {
	n := 1
	for i+n < len(s.data) && s.data[i+n] != end {
		n++
	}
	return n
}

func operator(b byte) bool {
	switch b {
	case '!', '-', '+', '*', '/', '%', '?', ':', '&', '|', '<', '>', '=', '.':
		return true
	}
	return false
}
